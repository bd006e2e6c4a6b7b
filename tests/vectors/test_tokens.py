"""Encoding with one BOS, batches that lose no text, padding that moves no position, spans."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.conftest import PROSE
from vectors import Encoding, TextError, batches_by_length, collate, encode, pieces, span_mask
from vectors.models import LanguageModel
from vectors.tokens import token_text

Build = Callable[[str], LanguageModel]


def test_bos_is_there_once_by_the_model_s_rule(family_model: LanguageModel) -> None:
    model, text = family_model, PROSE[0]
    for given_text in (text, "<bos>" + text):
        encoding = encode(model, [given_text])[0]
        wanted = 0 if model.info.bos_rule == "none" and given_text == text else 1
        assert int((encoding.ids == 1).sum()) == wanted
        assert encoding.is_special.tolist() == (encoding.ids == 1).tolist()
        if wanted and model.info.bos_rule != "none":
            assert encoding.ids[0] == 1
            assert encoding.offsets[0].tolist() == [0, 0]
    own = model.tokenizer(text)["input_ids"]
    ids = encode(model, [text])[0].ids.tolist()
    assert ids == ([1, *own] if model.info.bos_rule == "prepended" else own)


def test_offsets_and_pieces_give_the_text_back(tiny_model: Build) -> None:
    for family in ("llama", "gpt2"):
        model = tiny_model(family)
        for text in (*PROSE, "naïve 😀 日本語 — end", "  two  blanks \n\n a line "):
            encoding = encode(model, [text])[0]
            shown = pieces(model, encoding, text)
            assert len(shown) == len(encoding.ids)
            body = [p for p, special in zip(shown, encoding.is_special, strict=True) if not special]
            assert "".join(body) == text
    assert shown[0] != "<bos>"
    assert pieces(tiny_model("llama"), encode(tiny_model("llama"), ["a"])[0], "a")[0] == "<bos>"


def test_empty_and_broken_texts(tiny_model: Build) -> None:
    empty, broken, question = encode(tiny_model("llama"), ["", "a\ud800b", "a?b"])
    assert empty.ids.tolist() == [1]
    assert broken.ids.tolist() == question.ids.tolist()
    assert encode(tiny_model("gpt2"), [""])[0].ids.shape == (0,)
    assert encode(tiny_model("gpt2"), [""])[0].offsets.shape == (0, 2)
    assert encode(tiny_model("gpt2"), []) == []


def test_truncation_cuts_the_end_and_is_flagged(tiny_model: Build) -> None:
    model = tiny_model("llama")
    long = " ".join(PROSE * 8)
    whole = encode(model, [PROSE[0]])[0]
    cut, context = encode(model, [PROSE[0]], max_length=5)[0], encode(model, [long])[0]
    assert (whole.truncated, cut.truncated, context.truncated) == (False, True, True)
    assert cut.ids.tolist() == whole.ids[:5].tolist()
    assert len(context.ids) == model.info.context_length == 256
    exact = encode(model, [PROSE[0]], max_length=len(whole.ids))[0]
    assert not exact.truncated


def test_padding_side_changes_no_position(tiny_model: Build) -> None:
    model = tiny_model("gpt2")
    encodings = encode(model, [PROSE[0], "Short.", ""])
    n = [len(e.ids) for e in encodings]
    right = collate(encodings, pad_id=0, device="cpu")
    left = collate(encodings, pad_id=0, device="cpu", side="left")
    assert right.lengths == left.lengths == tuple(n)
    for row, encoding in enumerate(encodings):
        for batch in (right, left):
            real = batch.mask[row].bool()
            assert batch.ids[row][real].tolist() == encoding.ids.tolist()
            assert batch.positions[row][real].tolist() == list(range(n[row]))
            assert not batch.positions[row][~real].any()
    assert right.mask[1].tolist() == left.mask[1].tolist()[::-1]
    with pytest.raises(TextError, match="padding side 'both' is unknown"):
        collate(encodings, pad_id=0, device="cpu", side="both")  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 1000))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = batches_by_length(lengths, token_budget=budget)
    assert sorted(int(i) for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
    firsts = [lengths[batch[0]] for batch in batches]
    assert firsts == sorted(firsts, reverse=True)


def test_sorting_by_length_wastes_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(40, 300, size=512).tolist()
    batches = batches_by_length(lengths, token_budget=4096)
    padded = sum(len(b) * max(lengths[i] for i in b) for b in batches)
    assert padded / sum(lengths) < 1.05
    unsorted = [range(i, min(i + 16, 512)) for i in range(0, 512, 16)]
    assert sum(len(b) * max(lengths[i] for i in b) for b in unsorted) / sum(lengths) > 1.3


def test_span_mask_takes_the_tokens_of_the_span_and_no_neighbour(tiny_model: Build) -> None:
    model = tiny_model("llama")
    text = "Ann: I am late again. Bob: It is all right, sit down. Ann: Thank you."
    spans = [
        (i, text.index("Ann:", i + 1) if "Ann:" in text[i + 1 :] else len(text)) for i in (22,)
    ]
    encoding = encode(model, [text])[0]
    shown = pieces(model, encoding, text)
    # The span of Bob's turn ends in the blank before "Ann", which the token " Ann" begins with.
    assert text[slice(*spans[0])] == "Bob: It is all right, sit down. "
    mask = span_mask(encoding, spans)
    taken = "".join(p for p, keep in zip(shown, mask, strict=True) if keep)
    assert taken.strip() == "Bob: It is all right, sit down."
    first, second = (0, 21), (54, len(text))
    both = span_mask(encoding, [first, second])
    assert both.tolist() == (span_mask(encoding, [first]) | span_mask(encoding, [second])).tolist()
    assert not (both & mask).any()
    assert not span_mask(encoding, [(0, 1)])[0]  # never the BOS
    assert not span_mask(encoding, []).any()
    for bad in ((5, 5), (7, 3), (-1, 4)):
        with pytest.raises(TextError, match="is no range of characters"):
            span_mask(encoding, [bad])


def test_a_blank_at_the_end_of_a_span_does_not_pull_in_the_next_word() -> None:
    offsets = np.array([[0, 3], [3, 8], [8, 9]], dtype=np.int32)  # "Yes", " Anna", "!"
    encoding = Encoding(np.arange(3, dtype=np.int32), offsets, np.zeros(3, dtype=bool), False)
    assert span_mask(encoding, [(0, 4)]).tolist() == [True, False, False]
    assert span_mask(encoding, [(0, 5)]).tolist() == [True, True, False]
    assert span_mask(encoding, [(4, 9)]).tolist() == [False, True, True]


@pytest.mark.data
def test_the_trained_model_s_tokenizer_gives_offsets_and_one_bos(stories260k: object) -> None:
    from vectors import load_model

    model = load_model(str(stories260k))
    text = "Lily saw a big 😀 dog."
    encoding = encode(model, [text])[0]
    assert encoding.ids.tolist() == model.tokenizer(text)["input_ids"]
    assert "".join(pieces(model, encoding, text)[1:]) == text
    batch = collate([encoding], pad_id=model.pad_id, device=torch.device("cpu"))
    assert batch.ids.shape == (1, len(encoding.ids))


def test_tokens_one_by_one_show_the_text_with_its_blanks(family_model: LanguageModel) -> None:
    for text in PROSE[:3]:
        encoding = encode(family_model, [text])[0]
        ordinary = encoding.ids[~encoding.is_special].tolist()
        assert "".join(token_text(family_model, token) for token in ordinary).strip() == text
        assert token_text(family_model, 1) == family_model.tokenizer.convert_ids_to_tokens(1)


@pytest.mark.data
def test_a_blank_before_a_sentencepiece_token_is_shown(stories260k: object) -> None:
    from vectors import load_model

    model = load_model(str(stories260k))
    (token,) = model.tokenizer("do", add_special_tokens=False)["input_ids"]
    assert model.tokenizer.decode([token]) == "do", "alone it does not show"
    assert token_text(model, token) == " do"
