"""Dots in braille cells: two columns and four rows of dots per terminal cell.

In: dot coordinates, origin top left. Out: one braille character per cell. Knows no colours.
"""

from collections.abc import Sequence

_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
SOLID: tuple[bool, ...] = (True,)


def pattern(*runs: int) -> tuple[bool, ...]:
    """A dash pattern from lengths of drawn and left-out dots, in turn."""
    return tuple(i % 2 == 0 for i, run in enumerate(runs) for _ in range(run))


class Canvas:
    """A grid of `width` x `height` cells, each holding eight dots."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(width, 0), max(height, 0)
        self._cells = [bytearray(self.width) for _ in range(self.height)]

    @property
    def dots(self) -> tuple[int, int]:
        """Width and height in dots."""
        return self.width * 2, self.height * 4

    def dot(self, x: int, y: int) -> None:
        """Draw one dot; outside the grid nothing happens."""
        if 0 <= x < self.width * 2 and 0 <= y < self.height * 4:
            self._cells[y // 4][x // 2] |= _BITS[x % 2][y % 4]

    def line(
        self, x0: int, y0: int, x1: int, y1: int, dash: Sequence[bool] = SOLID, *, phase: int = 0
    ) -> None:
        """A straight line. A dash depends on the column, so that segments join without a jump."""
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(steps + 1):
            x = x0 + round(i * (x1 - x0) / steps)
            y = y0 + round(i * (y1 - y0) / steps)
            if dash[(x + phase) % len(dash)]:
                self.dot(x, y)

    def at(self, column: int, row: int) -> str:
        """The character of a cell; "" where it has no dot."""
        bits = self._cells[row][column]
        return chr(0x2800 + bits) if bits else ""

    def row(self, row: int) -> str:
        """A whole row of cells, blanks where there is no dot."""
        return "".join(self.at(column, row) or " " for column in range(self.width))


def sample(dash: Sequence[bool], cells: int) -> str:
    """A short horizontal line in a dash pattern, for a legend."""
    canvas = Canvas(cells, 1)
    canvas.line(0, 1, cells * 2 - 1, 1, dash)
    return canvas.row(0)
