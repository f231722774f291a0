"""idle_run.py - one repetition of bench/idle in one cell (rate, distance): what is started and stopped when, and what is kept of it.

Phases, each only if a wanted figure needs it:

    empty    nothing but pings: the base of all delays
    curl     curl.exe alone on the client
    this-alone, other-alone    a competing download alone, on the client's machine and on another one
    steady   the service alone, after it has come to its rate
    this-with, other-with      a competing download while the service runs; then, until it has its rate again, "back"
    two      a second service on a third machine

Everything compared is compared within one repetition, minutes apart on the same machine.
"""

import time

import endpoints
import lab

# Phases that a figure needs.
NEEDS = {
    "idle-rate": {"curl", "steady"},
    "foreign-this": {"this-alone", "this-with"},
    "foreign-other": {"other-alone", "other-with"},
    "added-delay": {"curl", "steady"},
    "reaction": {"this-with", "other-with"},
    "recovery": {"this-with", "other-with"},
    "steadiness": {"steady"},
    "shares": {"two"},
    "silence": {"this-with", "other-with"},
}

START_S = 30.0  # what is started has more than a header within that time, or the repetition has failed
START_BYTES = 2000
WARM_S = 12.0  # the service has this long to come to its rate
BACK_S = 6.0  # and this long to come back to it
DROP_WINDOW_S = 0.5
BACK_WINDOW_S = 0.5
STEADY_BIN_S = 0.5


def cpu_times():
    with open("/proc/stat", encoding="ascii") as file:
        numbers = [int(word) for word in file.readline().split()[1:9]]
    return {"all": sum(numbers), "idle": numbers[3] + numbers[4], "steal": numbers[7]}


def quantile(values, share):
    """With values between two samples taken from the lower one; None if there are none."""
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def first_time(begin, end, condition, step=0.01):
    """The first moment, counted from begin, at which the condition holds; None if it never does."""
    moment = begin
    while moment <= end:
        if condition(moment):
            return moment - begin
        moment += step
    return None


class Repetition:
    def __init__(self, rig, cell, figures, tag, scale=1.0):
        self.rig, self.cell, self.tag = rig, cell, tag
        self.phases_wanted = set().union(*(NEEDS[figure] for figure in figures))
        self.seconds = {"empty": 1.5, "curl": 8.0 * scale, "foreign": 8.0 * scale, "steady": 8.0 * scale, "two": 12.0 * scale}
        self.spans = {}  # phase -> (begin, end)
        self.busy = {}  # phase -> what the processors did
        self.raw = {}
        self.pings, self.lost_pings, self.curves = [], 0, {}

    # --- what happens ---

    def run(self):
        rig, wanted = self.rig, self.phases_wanted
        rig.lab.shape(self.cell["rate"], self.cell["base"], self.cell["queue"])
        rig.lab.take_relay_stats()
        rig.server.ask("curves")
        rig.prober.ask("take")
        dropped, refused = rig.lab.dropped(), rig.lab.refused("client")
        begun = cpu_times()
        try:
            self.span("empty", self.pause, self.seconds["empty"])
            if "curl" in wanted:
                self.curl_alone()
            for where in ("this", "other"):
                if where + "-alone" in wanted:
                    self.span(where + "-alone", self.foreign, where, "alone")
                    self.drain()
            if wanted & {"steady", "this-with", "other-with", "two"}:
                self.background()
        finally:
            rig.stop_all()
        self.raw["relay"] = rig.lab.take_relay_stats()
        self.raw["dropped"] = rig.lab.dropped() - dropped
        self.raw["refused"] = rig.lab.refused("client") - refused
        self.raw["cpu"] = self.cpu_shares(begun)
        self.gather()

    @staticmethod
    def cpu_shares(begun):
        now = cpu_times()
        return {what: round((now[what] - begun[what]) / max(1, now["all"] - begun["all"]), 3) for what in ("idle", "steal")}

    def span(self, phase, function, *arguments):
        begin, begun = time.monotonic(), cpu_times()
        result = function(*arguments)
        self.spans[phase] = (begin, time.monotonic())
        self.busy[phase] = self.cpu_shares(begun)
        return result

    @staticmethod
    def pause(seconds):
        time.sleep(seconds)

    def drain(self):
        """Until the queue is empty for certain and the last answers have come."""
        time.sleep((self.cell["queue"] + self.cell["base"]) / 1000 + 0.3)

    def name(self, what):
        return "%s/%s" % (self.tag, what)

    def space_of(self, where):
        return {"this": "client", "other": "other"}[where]

    def foreign(self, where, how):
        flow = endpoints.Foreign(self.space_of(where), lab.SERVER, self.name("%s-%s" % (where, how)))
        self.rig.flows.append(flow)
        self.pause(self.seconds["foreign"])
        self.spans["flow-%s-%s" % (where, how)] = flow.stop()
        self.rig.flows.remove(flow)

    def wait_for_rate(self, what, rate, over_s, limit_s):
        """The seconds until a running download has had that rate for a while."""
        begin = time.monotonic()
        while time.monotonic() - begin < limit_s:
            if self.rig.server.ask("rate", self.name(what), over_s) >= rate:
                break
            time.sleep(0.05)
        return time.monotonic() - begin

    def wait_for_start(self, what):
        """Wine takes its time to start a program."""
        if self.wait_for_rate(what, START_BYTES, 1.0, START_S) >= START_S:
            raise RuntimeError("no byte of %s within %g s: %s" % (what, START_S, self.rig.describe()))

    def curl_alone(self):
        self.rig.start_curl(self.name("curl"))
        self.wait_for_start("curl")
        self.span("curl", self.pause, self.seconds["curl"])
        self.rig.stop_curl()
        self.drain()

    def background(self):
        rig, wanted = self.rig, self.phases_wanted
        rig.start_service("client", self.name("service"))
        self.wait_for_start("service")
        link = self.cell["rate"] * 1e6 / 8 * 1448 / 1514
        self.raw["warm_s"] = round(self.span("warm", self.wait_for_rate, "service", 0.95 * link, 2.0, WARM_S), 2)
        self.span("steady", self.pause, self.seconds["steady"])
        if rig.server.ask("rate", self.name("service"), 2.0) < 0.1 * link:
            self.raw["said"] = rig.describe()  # something is wrong: what does the service say?
        for where in ("this", "other"):
            if where + "-with" in wanted:
                before = rig.server.ask("rate", self.name("service"), 2.0)
                self.span(where + "-with", self.foreign, where, "with")
                self.span(where + "-back", self.wait_for_rate, "service", 0.9 * before, BACK_WINDOW_S, BACK_S)
                self.pause(2.0)
        if "two" in wanted:
            rig.start_service("second", self.name("second"))
            self.wait_for_start("second")
            self.span("join", self.pause, 0.75 * self.seconds["two"])
            self.span("two", self.pause, self.seconds["two"])

    # --- what is kept ---

    def gather(self):
        for name, (times, counts) in self.rig.server.ask("curves").items():
            curve = endpoints.Curve()
            curve.times, curve.bytes = times, counts
            if name.startswith(self.tag + "/"):
                self.curves[name[len(self.tag) + 1:]] = curve
        self.pings, self.lost_pings = self.rig.prober.ask("take")

    def delays(self, phase, skip_s=0.0):
        """RTTs in ms of the pings sent in a phase."""
        begin, end = self.spans[phase]
        return [1000 * rtt for at, rtt in self.pings if begin + skip_s <= at <= end]

    def mbit(self, what, begin, end):
        return round(self.curves[what].rate(begin, end) * 8e-6, 3) if what in self.curves else 0.0

    def results(self):
        """Figures and raw numbers, as they go into the JSON line."""
        out = {"figures": {}, "raw": self.raw}
        figures, raw = out["figures"], self.raw
        base = quantile(self.delays("empty"), 0.5)
        raw["base_rtt_ms"] = round(base, 3)
        raw["idle_jitter_p95_ms"] = round(quantile(self.delays("empty"), 0.95) - base, 3)
        raw["lost_pings"], raw["phases"], raw["busy"] = self.lost_pings, {}, self.busy
        raw["phases"] = {name: round(end - begin, 2) for name, (begin, end) in self.spans.items()}
        if "curl" in self.spans:
            begin, end = self.spans["curl"]
            raw["curl_mbit"] = self.mbit("curl", begin + self.skip(), end)
            self.put_delay(figures, "curl", base)
        if "steady" in self.spans:
            self.put_steady(figures, raw, base)
        for where in ("this", "other"):
            self.put_foreign(figures, raw, where)
        if "two" in self.spans:
            first, second = (self.mbit(what, *self.spans["two"]) for what in ("service", "second"))
            raw["two_mbit"] = [first, second]
            figures["shares"] = [round(second / (first + second), 4)] if first + second > 0 else [0.0]
        return out

    def skip(self):
        """What is left out of the beginning of a phase with a new download: it has to find its rate."""
        return min(3.0, 0.4 * self.seconds["curl"])

    def put_delay(self, figures, what, base):
        rtts = self.delays("steady" if what == "service" else what, 0 if what == "service" else self.skip())
        self.raw[what + "_delay_ms"] = [round(quantile(rtts, share) - base, 3) if rtts else None for share in (0.5, 0.95)]
        if what == "service":
            figures["added-delay-median"], figures["added-delay-p95"] = ([value] for value in self.raw["service_delay_ms"])

    def put_steady(self, figures, raw, base):
        begin, end = self.spans["steady"]
        raw["service_mbit"] = self.mbit("service", begin, end)
        if raw.get("curl_mbit"):
            figures["idle-rate"] = [round(raw["service_mbit"] / raw["curl_mbit"], 4)]
        self.put_delay(figures, "service", base)
        count = int((end - begin) / STEADY_BIN_S)
        rates = [self.mbit("service", begin + i * STEADY_BIN_S, begin + (i + 1) * STEADY_BIN_S) for i in range(count)]
        mean = sum(rates) / len(rates)
        spread = (sum((rate - mean) ** 2 for rate in rates) / len(rates)) ** 0.5
        figures["steadiness"] = [round(spread / mean, 4)] if mean > 0 else [9.99]

    def put_foreign(self, figures, raw, where):
        alone, together = (self.spans.get("flow-%s-%s" % (where, how)) for how in ("alone", "with"))
        if alone:
            raw["%s_alone_mbit" % where] = self.mbit(where + "-alone", *alone)
        if not together:
            return
        begin, end = together
        raw["%s_with_mbit" % where] = self.mbit(where + "-with", begin, end)
        raw["service_during_%s_mbit" % where] = self.mbit("service", begin, end)
        if raw.get("%s_alone_mbit" % where):
            # Over the same time from the start of each.
            last = min(end - begin, alone[1] - alone[0])
            figures["foreign-" + where] = [round(self.mbit(where + "-with", begin, begin + last) /
                                                 self.mbit(where + "-alone", alone[0], alone[0] + last), 4)]
        service = self.curves["service"]
        before = service.rate(begin - 2.0, begin)
        fall = first_time(begin, end - DROP_WINDOW_S, lambda t: service.rate(t, t + DROP_WINDOW_S) < 0.1 * before)
        back_end = self.spans[where + "-back"][1]
        rise = first_time(end, back_end, lambda t: service.rate(t, t + BACK_WINDOW_S) >= 0.9 * before)
        # "never" counts as the whole time that there was.
        figures.setdefault("reaction", []).append(round(end - begin if fall is None else fall, 3))
        figures.setdefault("recovery", []).append(round(BACK_S if rise is None else rise, 3))
        raw.setdefault("never", []).extend(["reaction " + where] * (fall is None) + ["recovery " + where] * (rise is None))
        figures["silence"] = [max(figures.get("silence", [0.0])[0], round(service.longest_pause(begin, end), 3))]
