"""C7's measures: what else a push moves, as paired changes with the margin that would not matter.

In: a bench, neutral texts, other emotions' directions, steered and unsteered texts. Out: changes
and margins for `choice.off_target`. Knows no thresholds of the verdict.

    next-token accuracy  share of positions of a neutral text whose next token is the model's first
                         guess, steered minus unsteered; margin 3 points
    other emotions       projection on another emotion's direction (its part at right angles to v)
                         after the last block; the emotion that moves most on every second prompt,
                         tested on the rest; in sds over prompts, margin .2
    length               generated tokens, in sds of the unsteered ones, margin .2
    topic                cosine of the mean activation of what was generated with that of its
                         prompt, around their common mean and without v; in sds, margin .2
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from vectors.extraction import extract, plan_extraction
from vectors.generation import RowResult
from vectors.meters import LOGIT_BUDGET
from vectors.steering import steered_logits
from vectors.tokens import collate, encode

from .bench import ROWS, Bench, Direction
from .data import unit_rows
from .result import Cost

POINTS, D = 0.03, 0.2
MAX_TEXTS = 100
MARGINS: Mapping[str, float] = {
    "next-token accuracy": POINTS, "other emotions": D, "length": D, "topic": D,
}  # fmt: skip
Changes = dict[str, Float[np.ndarray, "unit"]]


def planned_off_target(n_prompts: int, n_texts: int) -> Cost:
    """Forward passes, counted before the start."""
    return Cost(forwards=2 * min(n_texts, MAX_TEXTS) + 5 * n_prompts)


def off_target_changes(
    bench: Bench,
    neutral_texts: Sequence[str],
    others: Mapping[str, Direction],
    texts: tuple[Sequence[RowResult], Sequence[RowResult]] | None,
) -> Changes:
    """Paired changes of every measure that the material allows."""
    found: Changes = {}
    if neutral_texts:
        some = list(neutral_texts)[:MAX_TEXTS]
        found["next-token accuracy"] = _hits(bench, some, bench.alpha) - _hits(bench, some, 0.0)
    if others:
        found["other emotions"] = _others(bench, others)
    if texts is not None:
        found |= _written(bench, *texts)
    return found


def target_in_margins(bench: Bench, effect: Float[np.ndarray, "prompt"]) -> float:
    """The claimed effect in units of the margin of a standardised measure."""
    spread = float(np.std(bench.outcome(bench.base()), ddof=1))
    return float(effect.mean()) / (D * spread) if spread > 0 else float("inf")


def _hits(bench: Bench, texts: Sequence[str], alpha: float) -> Float[np.ndarray, "text"]:
    """Share of each text's positions whose next token is the first guess."""
    interventions, alphas = bench.arm(alpha) if alpha else ((), ())
    model, out = bench.model, []
    encoded = encode(model, list(texts))
    width = max(len(e.ids) for e in encoded)
    rows = max(1, min(ROWS, LOGIT_BUDGET // (width * model.info.d_vocab)))
    for start in range(0, len(encoded), rows):
        bench.tick(bench.forwards)
        batch = collate(
            encoded[start : start + rows], pad_id=model.pad_id, device="cpu", side="left"
        )
        real = batch.mask.numpy().astype(bool)
        logits = steered_logits(
            model, batch.ids, interventions, [list(alphas)] * len(real), real=real
        )
        right = (logits[:, :-1].argmax(-1).cpu() == batch.ids[:, 1:]).numpy()
        counts = real[:, :-1]
        out.append((right & counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1))
        bench.forwards += len(real)
    return np.concatenate(out)


def _others(bench: Bench, others: Mapping[str, Direction]) -> Float[np.ndarray, "prompt"]:
    """Standardised change along the other emotion that moves most on the first half."""
    v = bench.intervention.direction.astype(np.float64)
    named = np.stack([d.astype(np.float64) for d in others.values()])
    apart = unit_rows(named - np.outer(named @ v, v))
    last = bench.model.info.n_layers - 1
    before, after = (bench.residuals_after([last], a)[last] @ apart.T for a in (0.0, bench.alpha))
    spread = before.std(axis=0, ddof=1)
    change = (after - before) / np.where(spread > 0, spread, np.inf)
    most = int(np.argmax(np.abs(change[::2].mean(axis=0))))
    return np.asarray(change[1::2, most])


def _written(bench: Bench, steered: Sequence[RowResult], base: Sequence[RowResult]) -> Changes:
    """Length and topic of what was generated."""
    lengths = np.array([[len(r.token_ids) for r in rows] for rows in (steered, base)], dtype=float)
    found = {"length": _standard(lengths[0] - lengths[1], lengths[1])}
    full = [i for i in range(len(base)) if steered[i].text.strip() and base[i].text.strip()]
    if len(full) > 2:
        near = [
            _nearness(bench, [rows[i].prompt for i in full], [rows[i].text for i in full])
            for rows in (steered, base)
        ]
        found["topic"] = _standard(near[0] - near[1], near[1])
    return found


def _nearness(
    bench: Bench, prompts: Sequence[str], texts: Sequence[str]
) -> Float[np.ndarray, "text"]:
    """Cosine of each text with its own prompt, both around their mean and without v."""
    layer = bench.intervention.layer
    plan = plan_extraction(
        bench.model, layers=[layer], poolings=("mean",), min_pooled=1, stored_dtype="float32",
        skip_tokens=1,
    )  # fmt: skip
    both = [*prompts, *texts]
    rows = np.concatenate([b.values["mean"][:, 0] for b in extract(bench.model, both, plan)])
    bench.forwards += len(both)
    v = bench.intervention.direction.astype(np.float64)
    rows = rows.astype(np.float64)
    rows = rows - rows.mean(axis=0)
    rows = unit_rows(rows - np.outer(rows @ v, v))
    return np.asarray((rows[: len(prompts)] * rows[len(prompts) :]).sum(axis=1))


def _standard(
    change: Float[np.ndarray, "text"], base: Float[np.ndarray, "text"]
) -> Float[np.ndarray, "text"]:
    """In sds of the unsteered values; as it is where those do not vary."""
    spread = float(np.std(base, ddof=1))
    return change / spread if spread > 0 else change
