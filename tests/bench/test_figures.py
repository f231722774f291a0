#!/usr/bin/env python3
"""test_figures.py - the arithmetic of bench/idle on flows whose figures are known: a fault here would be believed."""

import os
import sys
import unittest

SOURCE = os.environ.get("OQ_SOURCE_DIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "bench", "lib"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import endpoints  # noqa: E402
import figures  # noqa: E402
import idle_run  # noqa: E402
import plot  # noqa: E402

MBIT = 1e6 / 8
CELL = {"rate": 10, "base": 20, "queue": 200, "congestion": "cubic"}


def flow(*pieces):
    """A curve sampled every 10 ms: pieces of (seconds, Mbit/s), from time 0."""
    curve, now, count = endpoints.Curve(), 0.0, 0.0
    curve.add(now, count)
    for seconds, mbit in pieces:
        for _ in range(round(seconds / 0.01)):
            now, count = now + 0.01, count + 0.01 * mbit * MBIT
            curve.add(now, count)
    return curve


def repetition(curves, spans, pings=()):
    """One that has been run, without a lab."""
    made = idle_run.Repetition(None, CELL, figures.NAMES, "tag")
    made.curves, made.spans, made.pings = curves, spans, list(pings)
    made.raw.update({"relay": {"late_ms": 0, "lost": 0}, "cpu": {"idle": 1.0, "steal": 0.0}})
    return made


def steps(service, foreign=8.0):
    """Empty line to 2 s, curl.exe to 10, foreign alone to 18, the service from 20, alone from 30, foreign on this machine 40-48."""
    pings = [(t / 50, 0.020 + (0.004 if t / 50 > 30 else 0.0)) for t in range(50 * 40)]
    curves = {
        "curl": flow((2, 0), (8, 9.5)),
        "this-alone": flow((10, 0), (8, 9.0)),
        "service": flow((20, 0), *service),
        "this-with": flow((40, 0), (8, foreign)),
    }
    spans = {"empty": (0.5, 2), "curl": (2, 10), "flow-this-alone": (10, 18), "steady": (30, 38), "flow-this-with": (40, 48),
             "this-with": (40, 48), "this-back": (48, 54)}
    return repetition(curves, spans, pings).results()


class Curves(unittest.TestCase):
    def test_rate__of_a_part__is_the_flow_s(self):
        curve = flow((1, 8), (1, 0), (1, 4))
        self.assertAlmostEqual(curve.rate(0.25, 0.75), 8 * MBIT, delta=1)
        self.assertAlmostEqual(curve.rate(1, 2), 0, delta=1)
        self.assertAlmostEqual(curve.rate(0, 3), 4 * MBIT, delta=1)

    def test_rate__outside_of_the_samples__counts_nothing(self):
        curve = flow((1, 8))
        self.assertEqual(curve.rate(5, 6), 0)
        self.assertEqual(endpoints.Curve().at(3), 0)

    def test_longest_pause__within_and_at_the_end__is_found(self):
        self.assertAlmostEqual(flow((1, 8), (0.7, 0), (1, 8)).longest_pause(0, 2.7), 0.71, delta=0.02)
        self.assertAlmostEqual(flow((1, 8), (0.1, 0), (1, 8), (2, 0)).longest_pause(0, 4.1), 2.0, delta=0.02)
        self.assertAlmostEqual(flow((1, 8)).longest_pause(3, 5), 2.0, delta=0.02)


class Figures(unittest.TestCase):
    def test_well_behaved__all_figures__are_right(self):
        seen = steps([(20, 9.4), (0.3, 9.4), (7.7, 0.2), (1.0, 1.0), (10, 9.4)])["figures"]
        self.assertAlmostEqual(seen["idle-rate"][0], 9.4 / 9.5, delta=0.002)
        self.assertAlmostEqual(seen["foreign-this"][0], 8.0 / 9.0, delta=0.002)
        self.assertAlmostEqual(seen["added-delay-median"][0], 4.0, delta=0.01)
        self.assertAlmostEqual(seen["reaction"][0], 0.3, delta=0.05)
        self.assertAlmostEqual(seen["recovery"][0], 1.0, delta=0.06)
        self.assertAlmostEqual(seen["steadiness"][0], 0.0, delta=0.005)
        self.assertLess(seen["silence"][0], 0.05)

    def test_never_gives_way__counts_as_the_whole_time(self):
        results = steps([(40, 9.4)], foreign=1.0)
        self.assertEqual(results["figures"]["reaction"], [8])
        self.assertIn("reaction this", results["raw"]["never"])

    def test_never_comes_back__counts_as_the_whole_time(self):
        results = steps([(20, 9.4), (20, 0.2)])
        self.assertEqual(results["figures"]["recovery"], [idle_run.BACK_S])
        self.assertIn("recovery this", results["raw"]["never"])

    def test_unsteady__coefficient_of_variation__is_seen(self):
        swing = [(0.5, 12.0), (0.5, 6.0)]
        seen = steps([(10, 9), *(swing * 10), (8, 0.2), (6, 9)])["figures"]
        self.assertAlmostEqual(seen["steadiness"][0], 3 / 9, delta=0.02)


class Tables(unittest.TestCase):
    RECORDS = [{"cell": CELL, "figures": {"idle-rate": [value], "reaction": [0.4, late]},
                "raw": {"cpu": {"idle": 0.5, "steal": 0.0}, "idle_jitter_p95_ms": 0.1, "relay": {"late_ms": 1, "lost": 0}}}
               for value, late in ((0.99, 0.5), (0.97, 0.5), (0.90, 0.5))]

    def test_verdict__one_bad_value__is_not_met(self):
        rate = figures.FIGURES[0]
        self.assertEqual(figures.verdict(rate, [0.99, 0.97, 0.96], CELL), "met")
        self.assertEqual(figures.verdict(rate, [0.99, 0.97, 0.90], CELL), "median")
        self.assertEqual(figures.verdict(rate, [0.99, 0.92, 0.90], CELL), "MISSED")

    def test_verdict__shares__are_bounded_on_both_sides(self):
        shares = next(figure for figure in figures.FIGURES if figure.key == "shares")
        for value, word in ((0.41, "met"), (0.59, "met"), (0.39, "MISSED"), (0.61, "MISSED")):
            self.assertEqual(figures.verdict(shares, [value], CELL), word)

    def test_reaction__goal__knows_the_distance(self):
        reaction = next(figure for figure in figures.FIGURES if figure.key == "reaction")
        self.assertTrue(reaction.is_met(0.54, {"base": 20}))
        self.assertFalse(reaction.is_met(0.55, {"base": 20}))

    def test_markdown__median_and_worst__stand_in_the_cell(self):
        text = figures.show_markdown(self.RECORDS)
        self.assertIn("0.970 (0.900) *", text)
        self.assertIn("0.45 (0.50)", text)
        self.assertIn("0.970", figures.show_cell(self.RECORDS))

    def test_plot__is_svg(self):
        made = repetition({"service": flow((2, 8))}, {"empty": (0, 2), "this-with": (1, 2)}, [(1.0, 0.02)])
        self.assertTrue(plot.draw(made, "a < b").startswith("<svg"))
        self.assertIn("a &lt; b", plot.draw(made, "a < b"))


if __name__ == "__main__":
    unittest.main()
