"""A real model whose own words are escapes, markup, bidi and zero-width characters, in every part.

Nothing that it says may reach the terminal as anything but symbols, and no line may be longer or
shorter than the screen.
"""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.cells import cell_len

from emotui.cli import main
from emotui.events import Done, Note
from emotui.jobs.live_spec import BASELINE, STEERED
from emotui.sanitize import is_hidden
from emotui.worker import JobEvent
from emotui.workspace import SamplingChoice, ShownText
from tests.emotui.conftest import make_model
from tests.emotui.panes.host import Hosted, hosting

EVIL = (
    "\x1b[31mred",
    "\x1b[2J",
    "\x1bc",
    "\x1b]52;c;aGk=\x07",
    "\x9b2J",
    "[bold]b[/bold]",
    "[@click=app.quit]q[/]",
    "\u202eabc",
    "a\u200bb",
    "e" + "\u0301" * 30,
    "👩\u200d👧",
    "\u2028",
    "\ufeff",
    "漢字",
    "שלום",
)
PROMPT = "the old door"
SHORT = SamplingChoice(max_new_tokens=8)
SIZES = [(80, 24), (120, 40), (200, 60)]


@dataclass(frozen=True)
class Hostile:
    """A data directory with vectors of the model."""

    home: Path
    model: Path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, texts_file: Path) -> Iterator[Hostile]:
    home = tmp_path_factory.mktemp("hostile")
    model = make_model(home / "model", width=32, seed=0, context=160, extra=EVIL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        for step in (
            ["data", "import", texts_file, "--name", "texts", "--label", "emotion", "--quiet"],
            ["extract", "--model", model, "--data", "texts", "--pool", "mean", "--quiet"],
        ):
            assert main([str(part) for part in step]) == 0
        run = next((home / "runs").iterdir()).name
        assert main(["vectors", "build", run, "--name", "both", "--quiet"]) == 0
        yield Hostile(home, model)


def run(
    scenario: Callable[[Hosted], Awaitable[None]],
    hostile: Hostile,
    pane: str,
    size: tuple[int, int],
    **chosen: object,
) -> None:
    async def go() -> None:
        given: dict[str, object] = {
            "vectors": "both",
            "prompt": PROMPT,
            "sampling": SamplingChoice(max_new_tokens=60),
            "emotion": "joyful",
            "alpha": 0.3,
            "layer": 1,
            "history": (),
        }
        async with hosting(hostile.home, pane, size=size, **(given | chosen)) as host:
            await scenario(host)

    asyncio.run(go())


def harmless(host: Hosted, where: str) -> None:
    """No hidden character on the screen, and every line as wide as the screen."""
    width = host.app.size.width
    for line in host.screen().split("\n"):
        bad = [f"U+{ord(c):04X} {unicodedata.name(c, '')}" for c in line if is_hidden(c)]
        assert not bad, (where, bad, line)
        assert cell_len(line) == width, (where, cell_len(line), line)


@pytest.mark.parametrize("size", SIZES)
def test_what_a_model_says_is_only_looked_at(hostile: Hostile, size: tuple[int, int]) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("r")
        texts = {t.name: t for t in host.pane.result.texts}
        said = "".join(t.text for t in texts.values())
        assert sum(word in said for word in EVIL) >= 6, "positive control: the model does say them"
        assert "\x1b" in texts[BASELINE].text + texts[STEERED].text
        harmless(host, "outputs")
        for _ in range(3):
            await host.press("D")
            harmless(host, "diff")
        await host.press("H")
        harmless(host, "history")
        await host.press("w")
        for _ in range(8):
            await host.press("up")
            harmless(host, "sweep")
        await host.press("t")
        assert host.app.current == "tokens"
        harmless(host, "tokens")
        written = [word for word in EVIL if "[" in word and word in host.workspace.text.text]
        assert all(word in host.screen() for word in written if word.isprintable()), "as it is"
        assert any(word in host.screen() for word in ("[bold]b[/bold]", "[@click=app.quit]q[/]"))
        # One token after the other: the line of values quotes each of them and what comes next.
        for _ in range(60):
            await host.pilot.press("l")
            harmless(host, "token")
        await host.press("e")
        harmless(host, "emotions")

    run(scenario, hostile, "steer", size)


def test_a_hostile_prompt_is_not_obeyed_either(hostile: Hostile) -> None:
    async def scenario(host: Hosted) -> None:
        harmless(host, "prompt")
        await host.press("p")
        harmless(host, "prompt, edited")
        await host.press("escape", "ctrl+j")
        harmless(host, "run")
        assert host.pane.result.request.prompt == " ".join(EVIL), "what is run is what was given"
        await host.press("H")
        harmless(host, "history")

    run(scenario, hostile, "steer", (80, 24), prompt=" ".join(EVIL), sampling=SHORT)


def test_a_hostile_text_and_its_title(hostile: Hostile) -> None:
    async def scenario(host: Hosted) -> None:
        harmless(host, "text")
        await host.press("v", "G")
        harmless(host, "marked")

    text = ShownText(" ".join(EVIL), "row \x1b[2J" + "".join(EVIL))
    run(scenario, hostile, "tokens", (80, 24), text=text)


def test_what_jobs_say_is_only_looked_at(hostile: Hostile) -> None:
    async def scenario(host: Hosted) -> None:
        host.app.log_file.write_text("\n".join(EVIL), encoding="utf-8")
        job = host.pane.submit(lambda _tools: iter([Done(None)]), "a job", lane="desk")
        await host.settled()
        host.app.jobs.jobs[job].name = " ".join(EVIL)
        for word in EVIL:
            host.app.jobs.jobs[job].notes.append(Note(word))
        host.app.jobs.jobs[job].error = " ".join(EVIL)
        host.pane.on_any_job(JobEvent(job, Note("new")))
        await host.pilot.press("k")
        await host.pilot.pause()
        harmless(host, "jobs")
        await host.press("enter")
        harmless(host, "details")

    async def first(host: Hosted) -> None:
        await host.press("7")
        await scenario(host)

    run(first, hostile, "steer", (80, 24))
