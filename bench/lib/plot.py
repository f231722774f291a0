"""plot.py - draws one repetition of bench/idle as SVG: rates of all downloads above, the added delay below, over time."""

import html

WIDTH, LEFT, RIGHT = 1200, 60, 20
RATE_TOP, RATE_HEIGHT = 50, 300
DELAY_TOP, DELAY_HEIGHT = 400, 160
HEIGHT = 610
BIN_S = 0.2
COLOURS = {
    "curl": ("#7f7f7f", "curl.exe alone"),
    "this-alone": ("#f4a582", "foreign here, alone"),
    "this-with": ("#ca0020", "foreign on this machine"),
    "other-alone": ("#c2a5cf", "foreign elsewhere, alone"),
    "other-with": ("#7b3294", "foreign on another machine"),
    "service": ("#0571b0", "background"),
    "second": ("#1a9641", "second background"),
}


class Axis:
    def __init__(self, low, high, start, length, is_upward=False):
        self.low, self.high, self.start, self.length, self.is_upward = low, max(high, low + 1e-9), start, length, is_upward

    def __call__(self, value):
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + self.length * (1 - share if self.is_upward else share)


def text(x, y, words, extra=""):
    return '<text x="%.1f" y="%.1f" %s>%s</text>' % (x, y, extra, html.escape(words))


def line(points, colour, extra=""):
    return '<polyline fill="none" stroke="%s" stroke-width="1.4" points="%s" %s/>' % (
        colour, " ".join("%.1f,%.1f" % point for point in points), extra)


def step_of(high):
    """A round distance between grid lines."""
    step = 1.0
    for candidate in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500):
        step = candidate
        if high / step <= 6:
            break
    return step


def grid(axis_x, axis_y, top, height, high, unit):
    parts, step, value = [], step_of(high), 0
    while value <= high:
        y = axis_y(value)
        parts.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' % (LEFT, WIDTH - RIGHT, y, y))
        parts.append(text(LEFT - 6, y + 4, "%g" % value, 'text-anchor="end"'))
        value += step
    parts.append(text(4, top - 6, unit))
    second, step = 0, step_of(axis_x.high)
    while second <= axis_x.high:
        parts.append(text(axis_x(second), top + height + 14, "%g s" % second, 'text-anchor="middle"'))
        second += step
    return parts


def draw(repetition, title):
    """The picture as text."""
    spans, cell = repetition.spans, repetition.cell
    begin, end = min(b for b, _ in spans.values()), max(e for _, e in spans.values())
    base = repetition.raw.get("base_rtt_ms", 0)
    delay_high = cell["queue"] * 1.1
    x = Axis(0, end - begin, LEFT, WIDTH - LEFT - RIGHT)
    y_rate = Axis(0, cell["rate"] * 1.05, RATE_TOP, RATE_HEIGHT, True)
    y_delay = Axis(0, delay_high, DELAY_TOP, DELAY_HEIGHT, True)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
             'font-family="sans-serif" font-size="11">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
             '<rect width="100%" height="100%" fill="white"/>', text(LEFT, 18, title, 'font-size="14"')]
    for name, (b, e) in spans.items():
        if name.endswith("-with"):
            parts.append('<rect x="%.1f" width="%.1f" y="%d" height="%d" fill="#f3f0e8"/>' % (
                x(b - begin), x(e - begin) - x(b - begin), RATE_TOP, DELAY_TOP + DELAY_HEIGHT - RATE_TOP))
    parts += grid(x, y_rate, RATE_TOP, RATE_HEIGHT, cell["rate"] * 1.05, "Mbit/s")
    parts += grid(x, y_delay, DELAY_TOP, DELAY_HEIGHT, delay_high, "added delay, ms (a dot per ping)")
    legend_x = LEFT
    for what, (colour, words) in COLOURS.items():
        curve = repetition.curves.get(what)
        if not curve or not curve.times:
            continue
        points, moment = [], max(begin, curve.times[0])
        while moment + BIN_S <= min(end, curve.times[-1]):
            points.append((x(moment + BIN_S / 2 - begin), y_rate(curve.rate(moment, moment + BIN_S) * 8e-6)))
            moment += BIN_S
        parts.append(line(points, colour))
        parts.append('<rect x="%.1f" y="26" width="10" height="10" fill="%s"/>' % (legend_x, colour))
        parts.append(text(legend_x + 14, 35, words))
        legend_x += 26 + 5.9 * len(words)
    for at, rtt in repetition.pings:
        if begin <= at <= end:
            parts.append('<circle cx="%.1f" cy="%.1f" r="0.8" fill="#333"/>' % (
                x(at - begin), y_delay(1000 * rtt - base)))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
