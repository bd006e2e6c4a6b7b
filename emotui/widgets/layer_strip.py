"""One token across all layers: a row per emotion, a cell per layer, coloured like the text.

In: layers, rows of scores, the scale's end, the chosen layer. Out: nothing; it only shows. Where
there is room a cell holds the score in hundredths, else its sign; never colour alone.
"""

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from emotui.colors import bin_of
from emotui.widgets.cells import fit
from emotui.widgets.look import Look, look_of

WIDE = 4
"""Columns of a cell that holds a number."""
LABEL_LEAST, LABEL_MOST = 6, 14


class LayerStrip(Widget):
    """Layer numbers, then one row per emotion."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LayerStrip { height: auto; width: 1fr; }"

    def __init__(self, *, most: int = 6, id: str | None = None) -> None:
        """At most `most` emotions are shown."""
        super().__init__(id=id)
        self.most = most
        """Emotions shown at most."""
        self._layers: tuple[int, ...] = ()
        self._rows: tuple[tuple[str, tuple[float, ...]], ...] = ()
        self._scale, self._layer = 1.0, 0

    def show(
        self,
        layers: Sequence[int],
        rows: Sequence[tuple[str, Sequence[float]]],
        *,
        scale: float,
        layer: int,
    ) -> None:
        """Show other scores. ValueError where a row has not one score per layer."""
        for label, values in rows:
            if len(values) != len(layers):
                raise ValueError(f"{label} has {len(values)} scores for {len(layers)} layers")
        height = self._height
        self._layers = tuple(layers)
        self._rows = tuple((label, tuple(values)) for label, values in rows)
        self._scale, self._layer = scale, layer
        self.refresh(layout=self._height != height)

    @property
    def _height(self) -> int:
        return 1 + min(len(self._rows), self.most) if self._layers else 1

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """Header and rows."""
        del container, viewport, width
        return self._height

    def render_line(self, y: int) -> Strip:
        """The header, or one emotion."""
        look, width = look_of(self), self.size.width
        if not self._layers:
            return Strip([Segment(fit("layers: nothing scored yet" * (y == 0), width), look.dim)])
        if y > min(len(self._rows), self.most):
            return Strip.blank(width, look.base)
        wide = self._label_wide(width)
        cell, first, stop = self._window(width - wide)
        if y == 0:
            segments = [
                Segment(fit("×100 layer" if cell > 1 and wide > 10 else "layer", wide), look.dim),
                *self._head(cell, first, stop, look),
            ]
        else:
            label, values = self._rows[y - 1]
            segments = [Segment(fit(label, wide - 1) + " ", look.base)]
            segments += [
                Segment(_cell(values[i], cell), look.bin(bin_of(values[i], self._scale)))
                for i in range(first, stop)
            ]
        # Neighbours of one style are one segment: a third of the bytes of every cursor move.
        return Strip(segments).adjust_cell_length(width, look.base).simplify()

    def _label_wide(self, width: int) -> int:
        """As wide as the names, but numbers in the cells come before whole names."""
        wide = min(max((len(label) for label, _ in self._rows), default=0) + 1, LABEL_MOST)
        wide = max(wide, LABEL_LEAST)
        numbers = len(self._layers) * WIDE
        return min(wide, width - numbers) if numbers + LABEL_LEAST <= width else wide

    def _window(self, room: int) -> tuple[int, int, int]:
        """Columns per cell and the layers that fit, the chosen one among them."""
        n = len(self._layers)
        cell = WIDE if n * WIDE <= room else 1
        fitting = max(min(n, room // cell), 1)
        at = self._layers.index(self._layer) if self._layer in self._layers else 0
        first = max(0, min(at - fitting // 2, n - fitting))
        return cell, first, first + fitting

    def _head(self, cell: int, first: int, stop: int, look: Look) -> list[Segment]:
        out = []
        for i in range(first, stop):
            layer = self._layers[i]
            here = layer == self._layer
            if cell == 1:
                text = "▲" if here else "│" if layer % 10 == 0 else "·"
            else:
                text = fit(f"▲{layer}" if here else str(layer), cell, align="right")
            out.append(Segment(text, look.strong if here else look.dim))
        return out


def _cell(value: float, cell: int) -> str:
    """A score in hundredths, or its sign."""
    if value != value:
        return fit("–", cell, align="right")
    hundredths = round(value * 100)
    sign = "+" if hundredths > 0 else "−" if hundredths < 0 else "·"
    if cell == 1:
        return sign
    digits = str(abs(hundredths)) if abs(hundredths) < 1000 else ">"
    return fit(sign if hundredths == 0 else sign + digits, cell, align="right")
