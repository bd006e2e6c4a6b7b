"""The Tokens pane on a tiny real model: every action, and its numbers beside the job's."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from emotui.cli import main
from emotui.jobs.sets import open_set
from emotui.panes.tokens_words import span_line
from emotui.workspace import ShownText
from store.layout import Home
from tests.emotui.conftest import Prepared
from tests.emotui.panes.host import Hosted, hosting
from vectors.models import LanguageModel, load_model
from vectors.scoring import SpanRank, score_text

TEXT = "the people laughed smiling near the old wall and the door stood grey and silent ."
EVIL = "the \x1b[31mdoor\x1b]52;c;aGk=\x07 [b]wall[/b] \u202eold a\u200bb"

Scenario = Callable[[Hosted], Awaitable[None]]


@pytest.fixture(scope="module")
def model(model_dir: Path) -> LanguageModel:
    return load_model(str(model_dir), device="cpu")


def run(scenario: Scenario, prepared: Prepared, vectors: str, **chosen: object) -> None:
    """One scenario on the pane."""

    async def go() -> None:
        given = {"vectors": vectors, "text": ShownText(TEXT, "pasted")} | chosen
        async with hosting(prepared.home, "tokens", **given) as host:  # type: ignore[arg-type]
            await scenario(host)

    asyncio.run(go())


def test_colours_equal_the_scores_of_the_text(
    prepared: Prepared, vectors: str, model: LanguageModel
) -> None:
    directions = open_set(Home(prepared.home), vectors)
    want = score_text(model, directions, TEXT)

    async def scenario(host: Hosted) -> None:
        await host.choose(emotions=("joyful",), layer=1)
        view = host.pane.query_one("#tokens-text")
        assert view.pieces == want.pieces
        at, column = want.layer_index(1), want.labels.index("joyful")
        for i in range(1, len(want.pieces)):
            assert view.score_at(i) == pytest.approx(float(want.scores[i, at, column]), abs=1e-5)
        assert np.isnan(view.score_at(0)), "the BOS token has no score"
        assert host.pane.scale == pytest.approx(float(want.scale[at]), rel=1e-5)

    run(scenario, prepared, vectors)


def test_layers_and_emotions_ask_for_no_further_scoring(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        titles = [job.name for job in host.app.jobs.jobs.values()]
        assert sum(t.startswith("colour") for t in titles) == 1
        first = host.pane.query_one("#tokens-text").score_at(3)
        await host.press("left_square_bracket")
        assert host.workspace.layer == host.pane.at_layer
        assert host.pane.query_one("#tokens-text").score_at(3) != first
        await host.choose(emotions=("joyful", "sad"))
        titles = [job.name for job in host.app.jobs.jobs.values()]
        assert sum(t.startswith("colour") for t in titles) == 1
        assert "mean of joyful, sad" in host.pane.query_one("#tokens-legend")._text

    run(scenario, prepared, vectors)


def test_several_emotions_are_the_mean_of_each(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        coloured = host.pane.coloured
        one, two = (coloured.column([e], 2)[4] for e in ("joyful", "sad"))
        assert coloured.column(["joyful", "sad"], 2)[4] == pytest.approx((one + two) / 2, abs=1e-6)

    run(scenario, prepared, vectors)


def test_mark_ranks_the_span_with_its_n(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        assert f"text, {host.pane.coloured.n_ordinary} tokens" in host.line("#tokens-span")
        await host.press("l", "v", "l", "l")
        start, stop, marked = host.pane.span
        assert (stop - start, marked) == (3, True)
        ranks = host.pane.coloured.ranks(start, stop, host.pane.at_layer)
        assert "span, 3 tokens" in host.line("#tokens-span")
        assert ranks[0].label in host.line("#tokens-span")
        await host.press("y")
        assert host.app.copied == [" ".join(TEXT.split()[1:4])] or host.app.copied == [
            " " + " ".join(TEXT.split()[1:4])
        ]
        await host.press("v")
        assert host.pane.span[2] is False
        await host.press("y")
        assert host.app.copied[-1].split() == TEXT.split(), "without <s>"

    run(scenario, prepared, vectors)


def test_value_line_has_the_number_and_the_lens(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("l")
        await host.pilot.pause(0.4)
        await host.settled()
        line = host.line("#tokens-value")
        assert '"people"' in line.replace('" people"', '"people"')
        assert 'next: "' in line, line
        assert f"layer {host.pane.at_layer}" in line

    run(scenario, prepared, vectors, emotions=("joyful",))


def test_last_layer_lens_is_the_models_own_prediction(model: LanguageModel) -> None:
    import torch

    from vectors.token_lens import token_lens
    from vectors.tokens import encode, token_text

    encoding = encode(model, [TEXT])[0]
    with torch.inference_mode():
        logits = model.hf(input_ids=torch.tensor(encoding.ids[None].astype(np.int64))).logits[0]
    best = logits.float().softmax(-1).max(-1)
    found = [g for _, chunk in token_lens(model, encoding, 2) for g in chunk]
    assert len(found) == len(encoding.ids)
    for i, guesses in enumerate(found):
        assert guesses[0].probability == pytest.approx(float(best.values[i]), abs=1e-5)
        assert guesses[0].token == token_text(model, int(best.indices[i]))
    # Positive control: another layer reads otherwise.
    other = [g for _, chunk in token_lens(model, encoding, 0) for g in chunk]
    assert any(a[0].probability != b[0].probability for a, b in zip(found, other, strict=True))


def test_scale_rules(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        coloured, layer = host.pane.coloured, host.pane.at_layer
        assert host.pane.scale == coloured.scale(layer, "layer")
        await host.press("s")
        await host.answer("all")
        assert host.pane.scale == max(coloured.scale(n, "layer") for n in coloured.layers)
        await host.press("s")
        await host.answer("0.25")
        assert host.pane.scale == 0.25
        assert "scale typed" in host.pane.query_one("#tokens-legend")._text
        await host.press("s")
        await host.answer("-1")
        assert host.pane.scale == 0.25
        await host.press("escape")

    run(scenario, prepared, vectors)


def test_emotions_dialog_takes_groups(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("e")
        await host.press("n", "home", "down", "space")
        assert "[x] ▸ joy: joyful" in host.screen()
        await host.press("enter")
        assert host.workspace.emotions == ("joyful",)

    run(scenario, prepared, vectors)


def test_hostile_text_is_shown_as_symbols(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        screen = host.screen()
        for hidden in ("\x1b", "\x07", "\u202e", "\u200b"):
            assert hidden not in screen
        assert "[b]wall[/b]" in screen.replace("·", "").replace("▯", "")
        for _ in range(12):
            await host.press("l")
            assert "\x1b" not in host.line("#tokens-value")

    run(scenario, prepared, vectors, text=ShownText(EVIL, "evil\x1b[2J"))


def test_written_text_keeps_its_tokens(prepared: Prepared, vectors: str) -> None:
    # Words that the tokenizer would cut alike, but for the second: its pieces stay as written.
    ids, pieces = (5, 6, 7), (" a", " b", " c")
    text = ShownText("the door a b c", "steered", prompt="the door", token_ids=ids, pieces=pieces)

    async def scenario(host: Hosted) -> None:
        assert tuple(host.pane.coloured.scores.token_ids[-3:]) == ids
        assert host.pane.coloured.pieces[-3:] == pieces

    run(scenario, prepared, vectors, text=text)


def test_open_paste_file_and_row(prepared: Prepared, vectors: str, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("the letter stood open", encoding="utf-8")

    async def scenario(host: Hosted) -> None:
        await host.press("o", "enter")
        host.app.screen.query_one("#text").load_text("the harbour and the kitchen")
        await host.press("ctrl+j")
        assert host.workspace.text is not None
        assert host.workspace.text.text == "the harbour and the kitchen"
        await host.press("o", "down", "enter")
        await host.answer(str(tmp_path / "none"))
        assert "not a file" in host.line("#hint")
        await host.answer(str(note))
        assert host.workspace.text.text == "the letter stood open"
        await host.press("o", "down", "down", "enter")
        await host.answer("3")
        assert host.workspace.text.origin.startswith("texts row 3")
        assert len(host.pane.coloured.pieces) > 5

    run(scenario, prepared, vectors, dataset="texts")


def test_rows_one_after_another(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("N")
        assert any("first row" in said for said in host.app.said)
        await host.press("n")
        assert host.workspace.text is not None
        assert host.workspace.text.origin.startswith("texts row 1")
        assert host.workspace.row == 1
        await host.press("n", "n", "N")
        assert host.workspace.text.origin.startswith("texts row 2")
        # A row of another dataset leaves the Data pane's row alone, and n goes on over there.
        await host.press("o", "down", "down", "enter")
        await host.answer("plain")
        assert "write a row number" in host.line("#hint")
        await host.answer("plain 4")
        assert host.workspace.text.origin == "plain row 4"
        await host.press("n")
        assert host.workspace.text.origin == "plain row 5"
        assert (host.workspace.dataset, host.workspace.row) == ("texts", 2)
        await host.press("o", "down", "down", "enter")
        await host.answer("plain 99")
        assert "rows are 0 to 11" in host.app.failed[-1]

    run(scenario, prepared, vectors, dataset="texts")


def test_layers_up_and_down_stop_at_the_ends(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        seen = [host.pane.at_layer]
        for key in ["right_square_bracket"] * 3 + ["left_square_bracket"] * 3:
            await host.press(key)
            seen.append(host.pane.at_layer)
        assert seen == [1, 2, 2, 2, 1, 0, 0]
        assert "layer 0 of 0-2" in host.line("#tokens-title")

    run(scenario, prepared, vectors, layer=1)


def test_choosing_one_emotion_elsewhere_colours_with_it(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        assert host.pane.emotions == ("joyful", "sad")
        await host.choose(emotion="sad")
        assert host.pane.emotions == ("sad",)
        await host.press("S", "enter")
        assert host.workspace.vectors == vectors

    run(scenario, prepared, vectors, emotions=("joyful", "sad"))


def test_emotions_can_be_narrowed_and_groups_marked(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("e", "slash")
        await host.type("sad")
        assert "▸ joy" not in host.screen()
        await host.press("enter")  # from the line into the list
        await host.press("n", "a")
        assert "1 marked" in host.screen()
        await host.press("enter")
        assert host.workspace.emotions == ("sad",)
        await host.press("e", "n", "enter")
        assert host.workspace.emotions == ()
        assert any("ranks highest" in said for said in host.app.said)

    run(scenario, prepared, vectors)


def test_deflection_and_back(prepared: Prepared, vectors: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(prepared.home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        build = ["vectors", "build", prepared.run, "--name", "masked", "--expression", vectors]
        assert main([*build, "--pool", "last", "--quiet"]) == 0

    async def scenario(host: Hosted) -> None:
        before = [host.pane.query_one("#tokens-text").score_at(i) for i in range(1, 6)]
        await host.press("d")
        assert "deflection vectors masked" in host.line("#tokens-title")
        after = [host.pane.query_one("#tokens-text").score_at(i) for i in range(1, 6)]
        assert after != before
        assert host.workspace.vectors == vectors, "the other panes keep theirs"
        await host.press("d")
        assert f"expression vectors {vectors}" in host.line("#tokens-title")
        again = [host.pane.query_one("#tokens-text").score_at(i) for i in range(1, 6)]
        assert again == before

    run(scenario, Prepared(home, prepared.run), vectors, emotions=("joyful",))


def test_without_deflection_vectors_it_says_so(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        await host.press("d")
        assert any("no deflection vectors" in said for said in host.app.said)

    run(scenario, prepared, vectors)


def test_export(prepared: Prepared, vectors: str, tmp_path: Path) -> None:
    async def scenario(host: Hosted) -> None:
        for name in ("t.html", "t.csv"):
            await host.press("x")
            await host.answer(str(tmp_path / name))
        assert "<script" not in (tmp_path / "t.html").read_text()
        rows = (tmp_path / "t.csv").read_text().splitlines()
        assert len(rows) == len(host.pane.coloured.pieces) + 1
        assert rows[0].startswith("token,id,piece,special,layer,readout,joyful,sad")

    run(scenario, prepared, vectors)


def test_a_text_that_is_too_long_says_so(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        assert "context" in host.line("#tokens-value")
        assert host.app.failed

    run(scenario, prepared, vectors, text=ShownText("the door " * 80, "long"))


def test_a_newer_text_wins_over_one_still_being_scored(prepared: Prepared, vectors: str) -> None:
    async def scenario(host: Hosted) -> None:
        from dataclasses import replace

        app = host.app
        app.choose(replace(app.workspace, text=ShownText("the old wall", "first")))
        app.choose(replace(app.workspace, text=ShownText("the open door near", "second")))
        await host.settled()
        assert "".join(host.pane.coloured.pieces[1:]).split() == ["the", "open", "door", "near"]

    run(scenario, prepared, vectors)


def test_narrow_screen_has_text_and_three_lines(prepared: Prepared, vectors: str) -> None:
    async def go() -> None:
        async with hosting(
            prepared.home, "tokens", size=(80, 24), vectors=vectors, text=ShownText(TEXT, "pasted")
        ) as host:
            assert not host.pane.query_one("#tokens-side").display
            for part in ("#tokens-value", "#tokens-span", "#tokens-layers", "#tokens-legend"):
                assert host.pane.query_one(part).region.height >= 1, part
            assert host.pane.query_one("#tokens-text").region.height >= 10

    asyncio.run(go())


def test_a_text_that_cannot_be_scored_stands_there_by_words(
    prepared: Prepared, vectors: str
) -> None:
    async def scenario(host: Hosted) -> None:
        view = host.pane.query_one("#tokens-text")
        long = "a " * 5000 + "\nend"
        await host.choose(text=ShownText(long, "pasted"))
        assert "context" in host.app.failed[-1]
        assert host.pane.coloured is None
        assert "".join(view.pieces) == long
        assert view.pieces[:2] == ("a", " a"), "the cursor stands on a word, not on all of it"

    run(scenario, prepared, vectors)


def test_a_long_name_leaves_the_span_its_numbers() -> None:
    ranks = [SpanRank("a feeling without a name " * 4, m, 0.1, 12) for m in (0.2, -0.1)]
    line = span_line(ranks, marked=False, width=70)
    assert line.endswith("… +.200")
    assert cell_len(line) <= 70
