"""The line of tokens an emotion's direction promotes and suppresses, under the list of emotions.

In: the set on screen and the emotion under the cursor. Out: a job that reads the logit lens, where
a model is loaded or the user asked for it. Remembers what has been read.
"""

from rich.text import Text
from textual.timer import Timer
from textual.widgets import Static

from emotui.events import Job
from emotui.jobs.atlas_spec import LensAsk, LensFound
from emotui.lanes import Tools
from emotui.panes.sets_choice import model_for
from emotui.panes.vectors_dialogs import VectorsDialogs
from emotui.panes.vectors_words import lens_lines
from emotui.sanitize import one_line, shorten

LENS_AFTER = 0.3
"""Seconds on one emotion before its lens is read, where a model is loaded."""


class VectorsLens(VectorsDialogs):
    """Base of the Vectors pane, with a Static #vectors-lens in it."""

    def __init__(self) -> None:
        super().__init__()
        self._lens: dict[tuple[str, str, int], LensFound] = {}
        self._lens_timer: Timer | None = None

    def show_lens(self) -> None:
        """The lens of the emotion under the cursor, if it has been read."""
        if self._lens_timer is not None:
            self._lens_timer.stop()
            self._lens_timer = None
        atlas = self._atlas
        if atlas is None:
            return
        found = self._lens.get((atlas.vectors, self.emotion, atlas.layer))
        if found is not None:
            width = self.query_one("#vectors-lens").size.width or 46
            self._say_lens("\n".join(shorten(line, width) for line in lens_lines(found)))
            return
        if self.shell.device is None:
            self._say_lens("Enter: use this emotion everywhere and read its tokens (loads a model)")
            return
        self._say_lens(f"{one_line(self.emotion)}: reading the logit lens ...")
        self._lens_timer = self.set_timer(LENS_AFTER, self.read_lens)

    def _say_lens(self, text: str) -> None:
        self.query_one("#vectors-lens", Static).update(Text(text))

    def read_lens(self) -> None:
        atlas = self._atlas
        if atlas is None or (atlas.vectors, self.emotion, atlas.layer) in self._lens:
            return
        ask = LensAsk(atlas.vectors, self.emotion, atlas.layer, model_for(self.workspace))

        def start(tools: Tools) -> Job:
            from emotui.jobs.atlas import lens_ask_job

            return lens_ask_job(tools.home, ask, engine=tools.engine)

        self.submit(
            start, f"logit lens of {ask.label}", subject="lens", then=self._take_lens, quiet=True
        )

    def _take_lens(self, found: LensFound) -> None:
        self._lens[found.vectors, found.label, found.layer] = found
        self.show_lens()
