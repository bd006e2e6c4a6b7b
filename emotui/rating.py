"""One rater's way through a blinded rating: keys go in, answers to be kept come out.

In: the sheet (what raters see) and the answers so far, as plain values. Out: which pair is next and
one answer per decision, handed to `keep` at once. Terminal, screen and judge share it. Knows no
screen, no file and no arm.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CHOICES: Mapping[str, str] = {"1": "left", "2": "right", "0": "tie", "i": "invalid"}
"""Key to answer."""
USER = "user"
"""The name under which answers given by hand are kept."""
KEYS = "1 2 prefer  0 tie  i invalid  f fluency  u undo  q leave"
GUESS_KEYS = "A-F the real one  n no idea  u undo  q leave"
Keep = Callable[[dict[str, Any]], None]


@dataclass
class Answers:
    """What one rater has answered so far."""

    rated: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By place, in the order of rating: "choice" and, where given, "fluency"."""
    guess: str | None = None
    """Letter, "" = no idea, None = not asked yet."""
    machine: bool = False

    @property
    def last(self) -> int | None:
        """The place rated last; None where there is none."""
        return next(reversed(self.rated), None)


def replay(answers: Iterable[Mapping[str, Any]]) -> dict[str, Answers]:
    """The answers of every rater, undone ones left out."""
    found: dict[str, Answers] = {}
    for answer in answers:
        mine = found.setdefault(str(answer["rater"]), Answers())
        mine.machine = mine.machine or bool(answer.get("machine"))
        if "undo" in answer:
            mine.rated.pop(answer["undo"], None)
        elif "guess" in answer:
            mine.guess = str(answer["guess"])
        else:
            mine.rated[int(answer["pair"])] = {
                k: answer[k] for k in ("choice", "fluency") if k in answer
            }
    return found


class Rating:
    """The rater's desk: `press` a key, look at `stage`, `pair` and `line`."""

    def __init__(
        self,
        sheet: Mapping[str, Any],
        answers: Sequence[Mapping[str, Any]],
        keep: Keep,
        *,
        rater: str = USER,
    ) -> None:
        self.sheet, self.rater, self._keep = sheet, rater, keep
        self.answers = replay(answers).get(rater, Answers())
        self.line = ""
        """What the last key did, or why it did nothing."""
        self._fluency: list[int] = []
        self._typing = False

    @property
    def pairs(self) -> Sequence[Mapping[str, str]]:
        """Every pair: "prompt", "left", "right"."""
        pairs: Sequence[Mapping[str, str]] = self.sheet["pairs"]
        return pairs

    @property
    def place(self) -> int:
        """The first pair that is not rated; the number of pairs where all are."""
        rated = self.answers.rated
        return next((k for k in range(len(self.pairs)) if k not in rated), len(self.pairs))

    @property
    def stage(self) -> str:
        """What is asked now: "pair", "fluency 1", "fluency 2", "guess" or "done"."""
        if self.place < len(self.pairs):
            return "pair" if not self._typing else "fluency 2" if self._fluency else "fluency 1"
        return "guess" if self.answers.guess is None else "done"

    @property
    def fluency(self) -> tuple[int, int] | None:
        """Typed for the pair on screen and not kept yet."""
        return (self._fluency[0], self._fluency[1]) if len(self._fluency) == 2 else None

    def press(self, key: str) -> None:
        """One key; a key that means nothing here leaves a line that says what does."""
        self.line = ""
        stage = self.stage
        if key == "u" and stage != "done":
            self._undo()
        elif stage.startswith("fluency"):
            self._type(key)
        elif stage == "guess":
            self._guess(key)
        elif stage == "pair" and key == "f":
            self._typing, self._fluency = True, []
        elif stage == "pair" and key in CHOICES:
            self._choose(CHOICES[key])
        elif stage == "pair":
            self.line = f"the keys are: {KEYS}"

    def _choose(self, choice: str) -> None:
        place = self.place
        answer: dict[str, Any] = {"choice": choice}
        if self.fluency is not None:
            answer["fluency"] = list(self.fluency)
        self._keep({"rater": self.rater, "pair": place, **answer})
        self.answers.rated[place] = answer
        self._fluency = []

    def _type(self, key: str) -> None:
        if key not in ("0", "1", "2"):
            self._typing, self._fluency = False, []
            self.line = "fluency is 0 (broken), 1 or 2 (fluent), first of text 1, then of text 2"
            return
        self._fluency.append(int(key))
        self._typing = len(self._fluency) < 2

    def _guess(self, key: str) -> None:
        letter = "" if key == "n" else key.upper()
        if letter and letter not in self.letters:
            self.line = f"the keys are: {GUESS_KEYS}"
            return
        self._keep({"rater": self.rater, "guess": letter})
        self.answers.guess = letter

    def _undo(self) -> None:
        if self._typing or self._fluency:
            self._typing, self._fluency = False, []
            return
        last = self.answers.last
        if last is None:
            self.line = "nothing to undo"
            return
        self._keep({"rater": self.rater, "undo": last})
        del self.answers.rated[last]
        self.line = "undone; rate it again"

    @property
    def letters(self) -> str:
        """Letters of the arms."""
        return "".join(sorted({code for s in self.sheet["sheets"] for code in s["texts"]}))


def question(sheet: Mapping[str, Any]) -> str:
    """What is asked of every pair; the emotion is untrusted text."""
    return f"Which text is more {sheet['emotion']}?"
