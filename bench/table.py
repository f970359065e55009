# SPDX-License-Identifier: ISC
"""What is printed: a line a measure, a column a program."""

from dataclasses import dataclass

COLUMNS = ("mote", "floor", "msmtp", "dma", "nullmailer", "ssmtp", "postfix")
PEER_COLUMNS = COLUMNS[2:]
HEADS = ("measure", *COLUMNS, "best peer", "bar", "")
WIDTHS = (40, *(max(8, len(name)) for name in COLUMNS), 10, 22, 6)


@dataclass
class Row:
    """values: by program. floor, if given, is printed for the program that does
    nothing. bar is a text, met tells of mote's value; None: there is no bar.
    more: more of it is better."""

    title: str
    values: dict
    bar: str = ""
    met: bool = None
    more: bool = False
    floor: float = None

    def peers(self):
        values = [self.values.get(p) for p in PEER_COLUMNS]
        return [v for v in values if isinstance(v, (int, float))]

    def best(self):
        """The best peer's value, or None."""
        return (max if self.more else min)(self.peers(), default=None)

    def ratio(self):
        """How many times better mote is than the best peer."""
        best, mote = self.best(), self.values.get("mote")
        if not best or not mote or isinstance(mote, str):
            return ""
        return f"{mote / best if self.more else best / mote:.2f} x"

    def cells(self):
        values = dict(self.values)
        if self.floor is not None:
            values["floor"] = self.floor
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return (self.title, *(number(values.get(c)) for c in COLUMNS), self.ratio(),
                self.bar, verdict)


def number(value):
    """Three digits that count."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    for limit, digits in ((10, 2), (100, 1)):
        if abs(value) < limit and value != int(value):
            return f"{value:.{digits}f}"
    return f"{value:.0f}"


def text_line(cells):
    first, *rest = zip(cells, WIDTHS)
    columns = [f"{cell:>{width}}" for cell, width in rest[:-2]]
    columns += [f"{cell:<{width}}" for cell, width in rest[-2:]]
    return "  ".join([f"{first[0]:<{first[1]}}", *columns]).rstrip()


def markdown(rows):
    lines = ["| " + " | ".join(HEADS) + " |",
             "|---" + "|--:" * (len(COLUMNS) + 1) + "|---|---|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + "\n"
