"""The alpha slider: one number on a track, by keys, by typing or by mouse.

In: a range, a step and, once known, the coherent window. Out: `AlphaChanged`. Alpha is in mean
residual norms of the layer; the slider only shows and changes the number. One row high.
"""

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from emotui.actions import bindings
from emotui.widgets.cells import fit, signed
from emotui.widgets.look import Look, look_of

KNOB, KNOB_AT_ZERO = "●", "◆"
INSIDE, OUTSIDE, EDGE, ZERO = "━", "┄", "╎", "┼"
SHORTEST_TRACK = 9
_TYPED = set("0123456789.+-")


def alpha_text(value: float) -> str:
    """An alpha as short as it can be said: `+.125`, `−.25`, `+.06`, `0`."""
    text = signed(value, places=3)
    return text[:-1] if text.endswith("0") and "." in text else text


class AlphaSlider(Widget, can_focus=True):
    """Left and Right step by .01, Shift by .1; `-`, `+` or `.` begins a typed value; 0 is zero."""

    BINDINGS = bindings("slider")
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    AlphaSlider { height: 1; width: 1fr; }
    AlphaSlider:focus { background: $panel; }
    """

    @dataclass
    class AlphaChanged(Message):
        """The value is another one now."""

        slider: "AlphaSlider"
        value: float

        @property
        def control(self) -> "AlphaSlider":
            """The slider it came from."""
            return self.slider

    def __init__(
        self,
        *,
        low: float = -0.2,
        high: float = 0.2,
        step: float = 0.01,
        value: float = 0.0,
        label: str = "α",
        unit: str = "of the residual norm",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """ValueError unless low <= 0 <= high, low < high and step > 0: 0 is always reachable."""
        super().__init__(id=id, classes=classes)
        if not (low <= 0 <= high and low < high and step > 0):
            raise ValueError(f"range {low}..{high} by {step}; it must hold 0 and step forward")
        self.low, self.high, self.step_size = low, high, step
        self.label, self.unit = label, unit
        self._value = self._clipped(value)
        self._window: tuple[float, float] | None = None
        self._typed = ""
        self._problem = ""
        self._look: Look | None = None
        self._track_at = (0, SHORTEST_TRACK)

    @property
    def value(self) -> float:
        """Alpha now."""
        return self._value

    @property
    def window(self) -> tuple[float, float] | None:
        """The coherent window, if known."""
        return self._window

    def set_value(self, value: float) -> None:
        """Take another value, kept inside the range; says so if it changed."""
        value = self._clipped(value)
        self._typed = self._problem = ""
        if value != self._value:
            self._value = value
            self.post_message(self.AlphaChanged(self, value))
        self.refresh()

    def set_window(self, window: tuple[float, float] | None) -> None:
        """Mark the coherent window on the track; None when it is not known."""
        self._window = window
        self.refresh()

    def set_range(self, low: float, high: float) -> None:
        """Another range; the value moves inside if it must."""
        self.low, self.high = low, high
        self.set_value(self._value)

    def _clipped(self, value: float) -> float:
        value = round(min(max(value, self.low), self.high), 6)
        return 0.0 if value == 0 else value

    # Drawing

    def render_line(self, y: int) -> Strip:
        """The row."""
        if self._look is None:
            self._look = look_of(self)
        look, width = self._look, self.size.width
        if y or width <= 0:
            return Strip.blank(width, look.base)
        head = f"{self.label} {signed(self.low)} "
        tail = f" {signed(self.high)}"
        texts = self._texts()
        while texts and width - cell_len(head + tail + "".join(texts)) < 2 * SHORTEST_TRACK:
            texts.pop()
        if len(texts) == 1 and self._outside:
            room = width - cell_len(head + tail + texts[0]) - SHORTEST_TRACK
            texts += [" OUTSIDE"] if room >= len(" OUTSIDE") else []
        if not texts:
            texts = self._texts()[:1]
            if width - cell_len(head + tail + texts[0]) < SHORTEST_TRACK:
                head, tail = f"{self.label} ", ""
        track = max(width - cell_len(head + tail + "".join(texts)), 3)
        track -= (track + 1) % 2  # odd: a symmetric range has a cell for zero
        self._track_at = (cell_len(head), track)
        segments = [*self._head(head, look), *self._track(track, look), Segment(tail, look.dim)]
        styles = (look.strong, look.base if self._window else look.dim, look.dim)
        segments += [Segment(t, s) for t, s in zip(texts, styles, strict=False)]
        return Strip(segments).adjust_cell_length(width, look.base)

    def _head(self, head: str, look: Look) -> list[Segment]:
        """The label stands out where the focus is: of several sliders the keys mean this one."""
        if not self.has_focus:
            return [Segment(head, look.dim)]
        label, rest = head[: len(self.label)], head[len(self.label) :]
        strong = look.strong if look.colored else look.base + look.cursor
        return [Segment(label, strong), Segment(rest, look.dim)]

    def _texts(self) -> list[str]:
        if self._typed:
            first = f"  {self._typed}▏" + (f" {self._problem}" if self._problem else "")
            return [first]
        value = signed(self._value, places=3)
        texts = [f"  {fit('0' if value == '0' else value, 6)}"]
        if self._window is not None:
            low, high = self._window
            texts.append(
                f" {'OUTSIDE coherent' if self._outside else 'coherent'} {alpha_text(low)} … "
                f"{alpha_text(high)} "
            )
        return [*texts, f" {self.unit}"]

    @property
    def _outside(self) -> bool:
        """Whether alpha lies where texts were not coherent; False while a value is typed."""
        if self._window is None or self._typed:
            return False
        low, high = self._window
        return not low <= self._value <= high

    def _cell(self, value: float, track: int) -> int:
        share = (value - self.low) / (self.high - self.low)
        return max(0, min(track - 1, round(share * (track - 1))))

    def _track(self, track: int, look: Look) -> list[Segment]:
        cells = [INSIDE if self._window is None else OUTSIDE] * track
        if self._window is not None:
            left, right = (self._cell(v, track) for v in self._window)
            cells[left : right + 1] = [INSIDE] * (right - left + 1)
            cells[left] = cells[right] = EDGE
        cells[0], cells[-1] = "├", "┤"
        cells[self._cell(0.0, track)] = ZERO
        knob = self._cell(self._value, track)
        zero = self._cell(0.0, track)
        if knob == zero and self._value:  # never drawn on zero while it is not zero
            room = zero + 1 if self._value > 0 else zero - 1
            knob = room if 0 <= room < track else zero
        sign = (self._value > 0) - (self._value < 0)
        style = look.bin(4 * sign) if look.colored and sign else look.strong
        line = look.strong if self.has_focus else look.base
        return [
            Segment("".join(cells[:knob]), line),
            Segment(KNOB if self._value else KNOB_AT_ZERO, style + Style(bold=True)),
            Segment("".join(cells[knob + 1 :]), line),
        ]

    def notify_style_update(self) -> None:
        """Another theme or focus."""
        super().notify_style_update()
        self._look = None

    # What keys and mouse do

    def action_step(self, steps: int) -> None:
        """Move by whole steps; a move that would cross zero stops there first."""
        wanted = round(self._value + steps * self.step_size, 6)
        if self._value * wanted < 0 or abs(wanted) < self.step_size / 2:
            wanted = 0.0
        self.set_value(wanted)

    def action_zero(self) -> None:
        """Alpha to zero."""
        self.set_value(0.0)

    def start_typing(self, text: str = "") -> None:
        """Begin a typed value; Enter takes it, Esc drops it."""
        self._typed, self._problem = text or " ", ""
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Collects a typed value; everything else is left to the bindings."""
        character = event.character or ""
        if not self._typed:
            if character and character in "+-.":
                self._take(event, character)
            return
        if event.key == "enter":
            self._finish()
        elif event.key == "escape":
            self._typed = self._problem = ""
        elif event.key == "backspace":
            self._typed, self._problem = self._typed[:-1], ""
        elif character in _TYPED and character:
            self._typed, self._problem = self._typed.strip() + character, ""
        elif event.key.startswith("ctrl+") or event.key in ("tab", "shift+tab"):
            return
        event.stop()
        event.prevent_default()
        self.refresh()

    def _take(self, event: events.Key, text: str) -> None:
        event.stop()
        event.prevent_default()
        self.start_typing(text)

    def _finish(self) -> None:
        try:
            value = float(self._typed)
        except ValueError:
            self._problem = "not a number"
            return
        if not self.low <= value <= self.high:
            self._problem = f"allowed {signed(self.low)} … {signed(self.high)}"
            return
        self.set_value(value)

    def on_blur(self) -> None:
        """A half-typed value is dropped."""
        self._typed = self._problem = ""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """The mouse sets the value under it, on a step."""
        offset = event.get_content_offset(self)
        start, track = self._track_at
        if offset is None or not start <= offset.x < start + track:
            return
        share = (offset.x - start) / max(track - 1, 1)
        value = self.low + share * (self.high - self.low)
        self.set_value(round(value / self.step_size) * self.step_size)
