"""What a run of the steering console asks for, says while it streams and gives back.

Plain values only, so that a screen can hold them and the session file can keep them; no model
library is loaded. `Knob` is how a slider moves alpha while text streams. Alphas are in mean
residual norms of the layer.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from emotui.jobs.colour_spec import Written
from emotui.jobs.spec import ModelSpec

BASELINE, STEERED, RANDOM = "baseline", "steered", "random"


@dataclass(frozen=True)
class RowAsk:
    """One text to generate."""

    name: str
    """ "baseline", "steered", "random", or the alpha of a sweep."""
    alphas: tuple[float, ...] = ()
    """One per emotion; () = the model is left alone."""
    control_seed: int | None = None
    """Random directions of this seed act instead of the emotions; None = the emotions."""
    follows: bool = False
    """Whether the slider moves this row while it streams."""


@dataclass(frozen=True)
class LiveRequest:
    """What to push, how far, on which text; all rows run in one batch and share their noise."""

    vectors: str
    model: ModelSpec
    prompt: str
    emotions: tuple[str, ...]
    rows: tuple[RowAsk, ...]
    layer: int
    mode: str = "add"
    positions: str | tuple[int, int] = "all"
    max_new_tokens: int = 64
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    sweep: str = ""
    """The emotion whose alphas are swept, for the coherent window; "" = no sweep."""
    other_model: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "LiveRequest":
        """The request these values came from; KeyError or TypeError where they do not fit."""
        given = {f.name: value[f.name] for f in fields(LiveRequest) if f.name in value}
        given["model"] = ModelSpec(**value["model"])
        given["rows"] = tuple(
            RowAsk(**(dict(row) | {"alphas": tuple(row["alphas"])})) for row in value["rows"]
        )
        given["emotions"] = tuple(value["emotions"])
        if not isinstance(value["positions"], str):
            first, stop = value["positions"]
            given["positions"] = (int(first), int(stop))
        return LiveRequest(**given)


class Knob:
    """Alphas that a screen sets while a job generates; each acts from the next token on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, float] = {}
        self._set: Callable[[int, float], None] | None = None

    def turn(self, emotion: int, alpha: float) -> None:
        """Ask for another alpha of the emotion at this place of the request."""
        with self._lock:
            if self._set is None:
                self._waiting[emotion] = alpha
            else:
                self._set(emotion, alpha)

    def connect(self, set_: Callable[[int, float], None]) -> None:
        """The job calls this; what was asked for before acts from the first token."""
        with self._lock:
            self._set = set_
            for emotion, alpha in self._waiting.items():
                set_(emotion, alpha)
            self._waiting.clear()


@dataclass(frozen=True)
class LiveStep:
    """One token of every row, as it is drawn."""

    index: int
    """Counts generated tokens from 0."""
    pieces: tuple[str, ...]
    """Per row, the text that became readable; untrusted, may be empty."""
    alphas: tuple[tuple[float | None, ...], ...]
    """Per row and emotion, as the token was drawn; None where the row is left alone."""
    done: tuple[bool, ...]
    """Per row."""


@dataclass(frozen=True)
class LiveText:
    """One generated text with its meters; see vectors.generation.RowResult for each of them."""

    name: str
    alphas: tuple[float, ...]
    """As asked for; () = left alone."""
    control_seed: int | None
    text: str
    token_ids: tuple[int, ...]
    pieces: tuple[str, ...]
    token_alphas: tuple[tuple[float | None, ...], ...]
    """Per token and emotion."""
    stopped: str
    """"eos" or "length"."""
    nll: float
    repetition4: float
    distinct2: float
    kl_first: float
    dose: float
    hook_calls: int
    hook_calls_due: int
    live: bool
    """The slider moved while this text streamed: never evidence."""
    scores: tuple[float, ...]
    """Per emotion of the request, mean over the generated tokens as the unsteered model reads them
    back with the same vectors at the same layer: no independent judge. () where nothing came."""
    reads_as: str
    """The emotion of the set that scores highest over the generated tokens; "" without any."""

    def written(self, prompt: str) -> Written:
        """The text for the Tokens pane, its token ids known."""
        return Written(prompt, self.token_ids, self.pieces)


@dataclass(frozen=True)
class LiveResult:
    """A finished run of the console."""

    request: LiveRequest
    texts: tuple[LiveText, ...]
    window: tuple[float, float] | None
    """Coherent alphas of the swept emotion, of those tried; None without a sweep."""
    budget: str
    """What "coherent" means, in words; "" without a sweep."""
    model: str
    revision: str
    elapsed_s: float

    @property
    def live(self) -> bool:
        """Whether an alpha moved while text streamed."""
        return any(text.live for text in self.texts)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"request": self.request.to_json()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "LiveResult":
        """The result these values came from; KeyError or TypeError where they do not fit."""
        given = dict(value)
        given["request"] = LiveRequest.from_json(value["request"])
        given["texts"] = tuple(_text(text) for text in value["texts"])
        if value["window"] is not None:
            given["window"] = (float(value["window"][0]), float(value["window"][1]))
        return LiveResult(**given)


def _text(value: Mapping[str, Any]) -> LiveText:
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
    given["token_alphas"] = tuple(tuple(row) for row in value["token_alphas"])
    # JSON has no NaN: a meter that needs more tokens than there are comes back as null.
    for meter in ("nll", "repetition4", "distinct2", "kl_first", "dose"):
        if given[meter] is None:
            given[meter] = float("nan")
    return LiveText(**given)
