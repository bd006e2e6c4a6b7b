"""The two tables of the Audit pane: findings, and the checklist of one, in groups.

In: findings or rows. Out: the table's messages; in the checklist the row is always one of a
control, headings are jumped over. Draws a state in its colour; glyph and word say it without.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from emotui.panes.audit_rows import Paint, Row, finding_cells, paint_of, state_text
from emotui.widgets.cells import fit
from emotui.widgets.table import MARGIN, Column, VirtualTable

if TYPE_CHECKING:
    from emotui.jobs.audit_browse import FindingView

STATE, ID, COST = 9, 4, 11
COLUMNS = (Column("state", STATE), Column("", ID), Column("what it asks, or found"),
           Column("cost", COST, "right"))  # fmt: skip
NO_FINDING = "none yet: n enters a claim"
FINDINGS = (Column("", 1), Column("finding"), Column("hard", 5, "right"), Column("", 1))


class Painted(VirtualTable):
    """A table whose rows begin with a state in its colour."""

    def __init__(self, columns: Sequence[Column], *, empty: str, id: str | None) -> None:
        super().__init__(columns, empty=empty, id=id)
        self._paint: Paint | None = None

    @property
    def paint(self) -> Paint:
        """Under the theme of now."""
        if self._paint is None:
            self._paint = paint_of(self)
        return self._paint

    def state_style(self, row: int) -> tuple[int, Style]:
        """How many cells of a row carry its state, and their style."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """The row, its first cells in the colour of its state."""
        strip = super().render_line(y)
        row = self.scroll_offset.y + y - 1
        if y == 0 or row >= self.count:
            return strip
        wide, style = self.state_style(row)
        cut = MARGIN + wide
        head = Strip([Segment(s.text, (s.style or Style()) + style) for s in strip.crop(0, cut)])
        return Strip.join([head, strip.crop(cut)])

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._paint = None


class FindingList(Painted):
    """One line per finding: verdict, id and claim, required controls that have run."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(FINDINGS, empty=NO_FINDING, id=id)
        self._views: tuple[FindingView, ...] = ()

    def show(self, views: "Sequence[FindingView]", *, at: str, needle: str = "") -> None:
        """These findings, the cursor on the one of this id; `needle` is what they were to have."""
        self._empty = f"none has {needle!r}" if needle else NO_FINDING
        same = [v.id for v in views] == [v.id for v in self._views]
        self._views = tuple(views)
        if same:
            self.update_rows()
            return
        found = next((i for i, v in enumerate(views) if v.id == at), 0)
        self.set_rows(len(views), self._cells_of, cursor=found)

    def _cells_of(self, start: int, stop: int) -> list[list[str]]:
        return [_cells(view) for view in self._views[start:stop]]

    def state_style(self, row: int) -> tuple[int, Style]:
        """The verdict's."""
        verdict = self._views[row].verdict
        return 1, self.paint.verdict("" if verdict is None else verdict.word)


def _cells(view: "FindingView") -> list[str]:
    glyph, name, claim, done, mark = finding_cells(view)
    return [glyph, f"{name}  {claim}", done, mark]


class Checklist(Painted):
    """Rows of controls under headings the cursor jumps over."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(COLUMNS, empty="", id=id)
        self._items: tuple[Row, ...] = ()

    def show(self, rows: Sequence[Row], *, keep: bool) -> None:
        """Other rows; `keep` leaves the cursor on the same control where it is still there."""
        at = self.control if keep else ""
        same = keep and [r.control for r in rows] == [r.control for r in self._items]
        self._items = tuple(rows)
        if same:
            self.update_rows()
            return
        first = next((i for i, r in enumerate(rows) if r.control), 0)
        found = next((i for i, r in enumerate(rows) if at and r.control == at), first)
        self.set_rows(len(rows), self._cells_of, cursor=found)
        if found == first:
            self.scroll_to(0, 0, animate=False)

    def _cells_of(self, start: int, stop: int) -> list[list[str]]:
        return [
            [state_text(r.state), r.control, r.text, r.cost] if r.control else ["", "", r.text, ""]
            for r in self._items[start:stop]
        ]

    def _line(self, cells: Sequence[str], width: int) -> str:
        """Without a cost the text has its room; so in the header where no row has one."""
        *others, cost = cells
        header = cost == COLUMNS[-1].title
        if cost and not (header and not any(item.cost for item in self._items)):
            return super()._line(cells, width)
        return super()._line([*others, ""], width + COST + 1)[: -COST - 1]

    @property
    def control(self) -> str:
        """The control under the cursor; "" where there is none."""
        return self._items[self.cursor].control if self.cursor < len(self._items) else ""

    def move_to(self, row: int) -> None:
        """As in any table, but a heading is jumped over, in the direction of the move."""
        row = max(0, min(row, len(self._items) - 1))
        step = -1 if row < self.cursor else 1
        while 0 <= row < len(self._items) and not self._items[row].control:
            row += step
        if 0 <= row < len(self._items):
            super().move_to(row)
        if self.cursor == 1:
            self.scroll_to(0, 0, animate=False)  # the first heading shows again

    def to_control(self, control: str) -> None:
        """Put the cursor on a control."""
        at = next((i for i, r in enumerate(self._items) if r.control == control), None)
        if at is not None:
            self.move_to(at)

    def next_group(self, by: int) -> None:
        """To the first control of the group after (1) or before (-1)."""
        heads = [i for i, r in enumerate(self._items) if not r.control]
        own = max((i for i, head in enumerate(heads) if head < self.cursor), default=0)
        if heads:
            self.move_to(heads[max(0, min(own + by, len(heads) - 1))] + 1)

    def state_style(self, row: int) -> tuple[int, Style]:
        """The control's."""
        return STATE, self.paint.state(self._items[row].state)

    def render_line(self, y: int) -> Strip:
        """A row, or a heading over all columns."""
        row = self.scroll_offset.y + y - 1
        if y == 0 or row >= len(self._items) or self._items[row].control:
            return super().render_line(y)
        width = self.scrollable_content_region.width
        text = fit(f"  {self._items[row].text}", width)
        return Strip([Segment(text, self.rich_style + self.paint.head)])
