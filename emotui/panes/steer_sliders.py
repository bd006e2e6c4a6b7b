"""The Steer pane's sliders: one per emotion, and which of them a sweep is over.

In: emotions with their alphas, coherent windows. Out: the sliders' own messages. Shows only.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.containers import Vertical

from emotui.actions import bindings
from emotui.sanitize import one_line
from emotui.widgets.cells import fit
from emotui.widgets.slider import AlphaSlider

REACH = 0.5
"""Ends of a slider's range at first; a larger alpha widens it."""
LABEL_MOST = 16

Window = tuple[float, float] | None


class EmotionSlider(AlphaSlider):
    """The slider of one emotion."""

    def __init__(self, emotion: str, *, alpha: float, wide: int) -> None:
        reach = max(REACH, abs(alpha))
        super().__init__(
            low=-reach,
            high=reach,
            value=alpha,
            label=f"{fit(one_line(emotion), wide)} α",
        )
        self.emotion = emotion


class Sliders(Vertical):
    """The sliders, one above the other; Up and Down go from one to the next."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("sliders")
    DEFAULT_CSS = "Sliders { height: auto; max-height: 6; overflow-y: auto; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.alphas: dict[str, float] = {}
        """Alpha of every emotion, in their order."""
        self._by_emotion: dict[str, EmotionSlider] = {}
        self._last = ""

    def set_alphas(self, alphas: Mapping[str, float]) -> None:
        """A slider for each of these; those that stay keep the focus."""
        had_focus = any(s.has_focus for s in self._by_emotion.values())
        same = tuple(alphas) == tuple(self._by_emotion)
        self.alphas = dict(alphas)
        if same:
            for emotion, alpha in alphas.items():
                slider = self._by_emotion[emotion]
                slider.set_range(min(slider.low, alpha), max(slider.high, alpha))
                slider.set_value(alpha)
            return
        self.remove_children()
        wide = min(max((cell_len(one_line(e)) for e in alphas), default=0), LABEL_MOST)
        self._by_emotion = {
            emotion: EmotionSlider(emotion, alpha=alpha, wide=wide)
            for emotion, alpha in alphas.items()
        }
        if self._by_emotion:
            self.mount_all(self._by_emotion.values())
            if had_focus:
                self.focus_one()

    def focus_one(self) -> bool:
        """Focus the slider used last; False where there is none."""
        if not self._by_emotion:
            return False
        slider = self._by_emotion[self.current]
        if slider.is_mounted:
            slider.focus()
        else:
            self.call_after_refresh(slider.focus)
        return True

    def slider(self, emotion: str) -> EmotionSlider:
        """The slider of an emotion; KeyError where it has none."""
        return self._by_emotion[emotion]

    @property
    def current(self) -> str:
        """The emotion whose slider has, or last had, the focus; "" without sliders."""
        return self._last if self._last in self.alphas else next(iter(self.alphas), "")

    def show_windows(self, window_of: Callable[[str], Window]) -> None:
        """Mark each emotion's coherent window."""
        for emotion, slider in self._by_emotion.items():
            slider.set_window(window_of(emotion))

    def action_move(self, by: int) -> None:
        """Focus the slider so many below; at an end it stays."""
        emotions = list(self._by_emotion)
        to = emotions.index(self.current) + by
        if 0 <= to < len(emotions):
            self._by_emotion[emotions[to]].focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which one is in use."""
        if isinstance(event.widget, EmotionSlider):
            self._last = event.widget.emotion
