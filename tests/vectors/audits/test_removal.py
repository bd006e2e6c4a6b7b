"""Removing a direction, asking instead of steering, and other wordings: identities on the toy."""

import numpy as np
import pytest

from tests.vectors.audits.test_planted_truth import evoking
from tests.vectors.audits.toy import Toy, bench, prompts
from vectors.audits.asking import PLAIN, instructed, neutral_instruction
from vectors.audits.erasure import project_out
from vectors.audits.integrity import removal_delivered
from vectors.audits.paraphrase import other_wordings
from vectors.audits.settings import settings
from vectors.errors import DataError
from vectors.tokens import encode

QUICK = settings("quick")


def test_what_no_activation_holds_can_be_removed_without_a_trace(toy: Toy) -> None:
    used = evoking(toy, "dormant")
    change = (used.steered(1.0) - used.base()).abs().max()
    assert float(change) < 1e-3  # embeddings never move along it, and the neutral mean is 0
    there = evoking(toy, "cause")
    assert float((there.steered(1.0) - there.base()).abs().max()) > 0.1


def test_zero_and_mean_differ_by_what_the_neutral_mean_holds(toy: Toy) -> None:
    used = evoking(toy, "cause")
    v = used.intervention.direction
    made, shares = used.removal()
    zero, _ = used.removal(towards="zero")
    text, _ = used.removal(towards="text", text=3)
    assert shares == [1.0] * 3
    assert [i.layer for i in made] == [0, 1, 2]
    assert made[0].target == pytest.approx(float(toy.natural.mean(axis=0) @ v), abs=1e-5)
    assert zero[0].target == 0.0
    assert text[0].target == pytest.approx(float(toy.natural[3] @ v), abs=1e-5)
    assert removal_delivered(used, QUICK).state == "pass"


def test_an_eraser_of_one_direction_is_the_projection_on_it(toy: Toy) -> None:
    used = evoking(toy, "cause")
    eraser = project_out(used.intervention.direction[None], toy.natural)
    erased = used.erased(dict.fromkeys(range(3), eraser))
    assert float((erased - used.steered(1.0)).abs().max()) < 1e-3


def test_the_two_instructions_are_of_equal_length_and_use_the_chat_template(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = toy.model
    asking = "You feel joyful."
    plain = neutral_instruction(model, asking)
    assert plain in PLAIN
    lengths = [len(e.ids) for e in encode(model, [asking, plain])]
    assert abs(lengths[0] - lengths[1]) <= 2
    assert instructed(model, ["The door"], asking) == ("You feel joyful. The door",)
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<answer>"
    monkeypatch.setattr(model.tokenizer, "chat_template", template)
    assert instructed(model, ["The door"], asking) == ("<user>You feel joyful.<answer>The door",)


def test_a_wording_must_hold_the_prompt_once(toy: Toy) -> None:
    used = bench(toy, toy.axes["cause"])
    for wrong in (("no place",), ("{} {}",), ("{}",)):
        with pytest.raises(DataError, match="wording"):
            other_wordings(used, QUICK, wordings=wrong)
    before = used.forwards
    found = other_wordings(used, QUICK, wordings=("{}", "Once more: {}"))
    assert found.numbers["r"].value == pytest.approx(1.0, abs=1e-6)
    assert used.forwards - before == 4 * len(prompts())
    assert np.isfinite(found.table["mean slope"][0])
