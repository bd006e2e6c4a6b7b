"""Jobs: score a text at all layers for all emotions; read its positions through the unembedding.

In: a ColourRequest or LensRequest. Out: a Coloured; or LensChunks as Partial events while they are
read. A text that the model wrote is scored in the tokens it was written in. Writes nothing.
"""

import csv
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from emotui.errors import OptionError
from emotui.events import Cancelled, Done, Job, Partial, Progress, never
from emotui.jobs.colour_spec import Coloured, ColourRequest, LensChunk, LensRequest, Written
from emotui.jobs.engine import Engine
from emotui.jobs.score import ScoreResult
from emotui.jobs.sets import load_for, open_set
from emotui.sanitize import one_line
from emotui.tokenview import html_page
from store.layout import Home
from vectors.errors import Cancelled as CancelledError
from vectors.errors import TextError
from vectors.models import LanguageModel
from vectors.scoring import score_text
from vectors.token_lens import token_lens
from vectors.tokens import Encoding, encode


def colour_job(
    home: Home, request: ColourRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Loads the model and scores the text in one forward pass; Done holds a Coloured."""
    directions = open_set(home, request.vectors)
    model = yield from load_for(engine, directions, request.model, other_model=request.other_model)
    if cancelled():
        raise CancelledError("colouring was cancelled")
    encoding = encoding_of(model, request)
    yield Progress(0, 1, "texts", note=f"colour {len(encoding.ids)} tokens")
    scores = score_text(model, directions, request.text, readout=request.readout, encoding=encoding)
    yield Done(Coloured(request.vectors, directions.recipe.kind, scores, model.info.context_length))


def lens_job(
    home: Home, request: LensRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Reads every position at one layer; each chunk is a Partial("lens", LensChunk)."""
    directions = open_set(home, request.colour.vectors)
    model = yield from load_for(
        engine, directions, request.colour.model, other_model=request.colour.other_model
    )
    encoding = encoding_of(model, request.colour)
    total = len(encoding.ids)
    for first, guesses in token_lens(model, encoding, request.layer, top=request.top):
        if cancelled():
            raise CancelledError("the logit lens was cancelled")
        plain = tuple(tuple((g.token, g.probability) for g in position) for position in guesses)
        yield Partial("lens", LensChunk(request.layer, first, plain))
        yield Progress(first + len(plain), total, "tokens", note="logit lens")
    yield Done(total)


def encoding_of(model: LanguageModel, request: ColourRequest) -> Encoding:
    """The text's tokens: encoded here, or those it was written in. TextError when too long."""
    if request.written is None:
        encoding = encode(model, [request.text])[0]
    else:
        encoding = _as_written(model, request.written)
    if encoding.truncated or len(encoding.ids) > model.info.context_length:
        raise TextError(
            f"the text has more than {model.info.context_length} tokens, this model's context; "
            "colour it in parts"
        )
    return encoding


def _as_written(model: LanguageModel, written: Written) -> Encoding:
    """The prompt's tokens, then the generated ones with the characters each completed."""
    prompt = encode(model, [written.prompt])[0]
    ids = np.asarray(written.token_ids, dtype=np.int32)
    ends = list(accumulate((len(p) for p in written.pieces), initial=len(written.prompt)))
    offsets = np.array(list(pairwise(ends)), dtype=np.int32).reshape(-1, 2)
    return Encoding(
        ids=np.concatenate([prompt.ids, ids]),
        offsets=np.concatenate([prompt.offsets, offsets]),
        is_special=np.concatenate([prompt.is_special, np.isin(ids, model.special_ids)]),
        truncated=prompt.truncated,
    )


def export_scores_job(
    coloured: Coloured, path: Path, *, emotions: tuple[str, ...], layer: int, span: tuple[int, int]
) -> Job:
    """Writes the text as a coloured page (.html) or every token's scores (.csv); Done: the path."""
    path = path.expanduser().absolute()
    if not path.parent.is_dir():
        raise OptionError(f"{one_line(str(path.parent))} is no folder; make it first")
    kind = path.suffix.lower()
    if kind == ".html":
        result = ScoreResult(
            vectors=coloured.vectors,
            layer=layer,
            scores=coloured.scores,
            shown=emotions,
            span=span,
            ranks=tuple(coloured.ranks(*span, layer)),
            n_neutral=coloured.n_neutral,
        )
        path.write_text(html_page([result]), encoding="utf-8")
    elif kind == ".csv":
        _write_csv(path, coloured, layer)
    else:
        raise OptionError(f"{one_line(path.name)} ends in {kind or 'nothing'}; use .html or .csv")
    yield Done(path)


def _write_csv(path: Path, coloured: Coloured, layer: int) -> None:
    """One row per token, one column per emotion of the set."""
    s, at = coloured.scores, coloured.scores.layer_index(layer)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["token", "id", "piece", "special", "layer", "readout", *s.labels])
        for i, piece in enumerate(s.pieces):
            row = [i, int(s.token_ids[i]), piece, int(s.is_special[i]), layer, s.readout]
            writer.writerow(row + [float(v) for v in s.scores[i, at]])
