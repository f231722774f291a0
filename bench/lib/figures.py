"""figures.py - the figures of bench/idle: goals, medians, worst values, and the tables made of the JSON lines."""

import json
import statistics


class Figure:
    """One line of the table. `at_least` and `at_most` are functions of the cell, because one goal depends on the distance."""

    def __init__(self, key, title, unit="", at_least=None, at_most=None, digits=3):
        self.key, self.title, self.unit, self.digits = key, title, unit, digits
        self.at_least, self.at_most = at_least, at_most

    def goal(self, cell):
        parts = []
        if self.at_least:
            parts.append(">= %g" % self.at_least(cell))
        if self.at_most:
            parts.append("<= %g" % self.at_most(cell))
        return ", ".join(parts) + (" " + self.unit if self.unit else "")

    def is_met(self, value, cell):
        return not (self.at_least and value < self.at_least(cell)) and not (self.at_most and value > self.at_most(cell))

    def worst(self, values):
        if self.at_least and self.at_most:
            return max(values, key=lambda value: abs(value - 0.5))
        return min(values) if self.at_least else max(values)

    def show(self, value):
        return "%.*f" % (self.digits, value)


def always(value):
    return lambda cell: value


FIGURES = [
    Figure("idle-rate", "idle link: background rate / curl.exe alone", at_least=always(0.95)),
    Figure("foreign-this", "competing flow on this machine: rate with / without background", at_least=always(0.97)),
    Figure("foreign-other", "competing flow on another machine: rate with / without background", at_least=always(0.95)),
    Figure("added-delay-median", "added delay, only background running: median", "ms", at_most=always(5), digits=1),
    Figure("added-delay-p95", "added delay, only background running: p95", "ms", at_most=always(15), digits=1),
    Figure("reaction", "from a competing flow's start until background is below 10 %", "s",
           at_most=lambda cell: 0.5 + 2 * cell["base"] / 1000, digits=2),
    Figure("recovery", "from its end until background has 90 % again", "s", at_most=always(2), digits=2),
    Figure("steadiness", "coefficient of variation of the steady rate", at_most=always(0.1)),
    Figure("shares", "two services behind one bottleneck: share of the second", at_least=always(0.4), at_most=always(0.6)),
    Figure("silence", "longest time without a background byte under cross traffic", "s", at_most=always(10), digits=2),
]
# What --figure may name; added-delay is two lines of the table.
NAMES = ["idle-rate", "foreign-this", "foreign-other", "added-delay", "reaction", "recovery", "steadiness", "shares", "silence"]


def cell_name(cell):
    return "%g Mbit/s, %g ms" % (cell["rate"], cell["base"])


def values_of(records, figure):
    return [value for record in records for value in record["figures"].get(figure.key, []) if value is not None]


def verdict(figure, values, cell):
    if figure.is_met(figure.worst(values), cell):
        return "met"
    return "median" if figure.is_met(statistics.median(values), cell) else "MISSED"


def extra(figure, records):
    """What stands beside a figure for comparison."""
    keys = {"added-delay-median": 0, "added-delay-p95": 1}
    if figure.key in keys:
        curl = [r["raw"]["curl_delay_ms"][keys[figure.key]] for r in records if r["raw"].get("curl_delay_ms")]
        curl = [value for value in curl if value is not None]
        return "curl.exe %.1f ms" % statistics.median(curl) if curl else ""
    if figure.key == "idle-rate":
        pairs = [(r["raw"]["service_mbit"], r["raw"]["curl_mbit"]) for r in records if r["raw"].get("curl_mbit") and "service_mbit" in r["raw"]]
        return "%.1f / %.1f Mbit/s" % tuple(statistics.median(column) for column in zip(*pairs)) if pairs else ""
    never = sum(text.startswith(figure.key) for r in records for text in r["raw"].get("never", []))
    return "%d times never" % never if never else ""


def show_cell(records):
    """The table of one cell as text."""
    cell = records[0]["cell"]
    lines = ["%s base, %g ms of queue, %s, %d repetitions" % (cell_name(cell), cell["queue"], cell["congestion"], len(records))]
    lines.append("  %-66s %-12s %9s %9s  %s" % ("figure", "goal", "median", "worst", "goal is"))
    for figure in FIGURES:
        values = values_of(records, figure)
        if values:
            lines.append("  %-66s %-12s %9s %9s  %-7s %s" % (
                figure.title, figure.goal(cell), figure.show(statistics.median(values)), figure.show(figure.worst(values)),
                verdict(figure, values, cell), extra(figure, records)))
    idle = min(r["raw"]["cpu"]["idle"] for r in records)
    steal = max(r["raw"]["cpu"]["steal"] for r in records)
    jitter = statistics.median(r["raw"]["idle_jitter_p95_ms"] for r in records)
    late = max(r["raw"]["relay"]["late_ms"] for r in records)
    late_share = max(r["raw"]["relay"].get("late_share", 0) for r in records)
    refused = sum(r["raw"].get("refused", 0) for r in records)
    lost = sum(r["raw"]["relay"]["lost"] for r in records)
    lines.append("  this machine: idle at least %.0f %%, stolen at most %.0f %%, p95 of delay on the empty line +%.2f ms, the relay "
                 "had %.2f %% of packets late by 1 to %.0f ms, lost %d; the client refused %d packets" % (
                     100 * idle, 100 * steal, jitter, 100 * late_share, late, lost, refused))
    return "\n".join(lines)


def group(records):
    """Records by congestion control, then by cell, in their order."""
    tables = {}
    for record in records:
        cell = record["cell"]
        key = (cell["rate"], cell["base"], cell["queue"])
        tables.setdefault(cell["congestion"], {}).setdefault(key, []).append(record)
    return tables


def show_markdown(records):
    """All cells side by side, a table per congestion control: median (worst), and a mark where the goal is missed."""
    lines = []
    for congestion, cells in group(records).items():
        columns = [cells[key] for key in sorted(cells)]
        queues = sorted({"%g" % column[0]["cell"]["queue"] for column in columns})
        lines += ["### %s, %s ms of queue" % (congestion, " and ".join(queues)), ""]
        lines.append("| figure | goal | " + " | ".join(cell_name(column[0]["cell"]) for column in columns) + " |")
        lines.append("|---|---|" + "---|" * len(columns))
        for figure in FIGURES:
            texts, goals = [], set()
            for column in columns:
                cell, values = column[0]["cell"], values_of(column, figure)
                if not values:
                    texts.append("")
                    continue
                goals.add(figure.goal(cell))
                mark = {"met": "", "median": " *", "MISSED": " **missed**"}[verdict(figure, values, cell)]
                texts.append("%s (%s)%s" % (figure.show(statistics.median(values)), figure.show(figure.worst(values)), mark))
            if goals:
                goal = goals.pop() if len(goals) == 1 else "<= 0.5 s + 2 RTTs"
                lines.append("| %s | %s | %s |" % (figure.title, goal, " | ".join(texts)))
        for title, pick in (("curl.exe alone: added delay median / p95, ms", "curl_delay_ms"),):
            texts = []
            for column in columns:
                pairs = [r["raw"][pick] for r in column if r["raw"].get(pick) and None not in r["raw"][pick]]
                texts.append("%.1f / %.1f" % tuple(statistics.median(c) for c in zip(*pairs)) if pairs else "")
            lines.append("| %s | | %s |" % (title, " | ".join(texts)))
        texts = ["%d; %.0f %%; %.0f %%" % (len(column), 100 * min(r["raw"]["cpu"]["idle"] for r in column),
                                          100 * max(r["raw"]["cpu"]["steal"] for r in column)) for column in columns]
        lines.append("| repetitions; processor idle at least; stolen at most | | %s |" % " | ".join(texts))
        lines += ["", "Median (worst). `*`: the median meets the goal, the worst value does not.", ""]
    return "\n".join(lines)


def read(names):
    records = []
    for name in names:
        with open(name, encoding="utf-8") as file:
            records += [json.loads(line) for line in file if line.strip()]
    return records
