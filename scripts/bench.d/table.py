"""The table of a benchmark: on each line a figure, its limit, and whether the limit is kept."""

import json


class Table:
    def __init__(self, *headings):
        """headings: of the columns for the figure, what was measured, what runs beside it, their ratio, and the limit."""
        self.headings = headings
        self.rows = []

    def row(self, figure, value, unit, floor, limit, within, ratio=None):
        """limit: a number in that unit, or words. ratio: measured to floor, unless another one says more."""
        if ratio is None and floor is not None:
            ratio = value / floor
        self.rows.append({"figure": figure, "value": value, "unit": unit, "floor": floor, "ratio": ratio, "limit": limit,
                          "ok": within})

    @property
    def is_within_limits(self):
        return all(row["ok"] for row in self.rows)

    def show(self):
        def text(value, unit):
            return "–" if value is None else "%.2f %s" % (value, unit)

        lines = [(*self.headings, "")]
        for row in self.rows:
            limit = row["limit"] if isinstance(row["limit"], str) else "%g %s" % (row["limit"], row["unit"])
            ratio = "–" if row["ratio"] is None else "%.2f ×" % row["ratio"]
            lines.append((row["figure"], text(row["value"], row["unit"]), text(row["floor"], row["unit"]), ratio, limit,
                          "ok" if row["ok"] else "BROKEN"))
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())

    def save(self, path):
        with open(path, "w") as file:
            json.dump(self.rows, file, indent=2)
