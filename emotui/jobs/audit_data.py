"""What an audit reads, joined from the store, and a hash of each part of it.

In: a `Subject`. Out: one layer's activations with labels, topics, lengths and texts as `AuditData`,
and the hashes by which `audit check` and a resumed audit see that something has changed. The hashes
are of exactly the numbers that are read, not of the files they lie in.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from emotui.errors import OptionError
from emotui.events import Cancelled, Event, never
from emotui.jobs.audit_further import Further, further_hashes
from emotui.jobs.audit_record import Audit, Subject, code_hash, digest, versions
from emotui.jobs.audit_tokens import Tokens, sampled_tokens
from emotui.jobs.engine import Engine
from emotui.jobs.rundata import RunData, run_data
from emotui.jobs.sets import open_set, residual_norm
from emotui.options import known_name
from store.findings import list_findings
from store.layout import Home
from vectors.audits.data import AuditData
from vectors.audits.finding import Provenance
from vectors.audits.registry import CONTROLS, computed_for
from vectors.audits.result import ControlResult, Cost
from vectors.directionset import DirectionSet

ACTIVATIONS, LABELS, TEXTS, LENGTHS = "activations", "labels", "texts", "lengths"
LAYERS, VECTORS, CLAIMS, SETTINGS = "all layers", "vectors", "claims on the data", "settings"
FIRST, POOLINGS, TOKENS = "layer 0", "other poolings", "tokens"
EVERY_ROW = {LAYERS: ("P7",), POOLINGS: ("P9",), TOKENS: ("P3",)}
"""Inputs that are read in whole only where one of these controls has run or is to run."""


BLOCKS = 50
BY_TOPIC = ("P1", "X1", "X2", "G3")
"""Controls that a shared topic between train and test would carry."""
NO_TOPICS = (
    "the texts have no topics: random blocks of texts stand in, so what is carried by a subject "
    "that texts share cannot be told apart; import the dataset with --topic COLUMN"
)


@dataclass(frozen=True)
class Step:
    """One control that can be run."""

    control: str
    cost: Cost
    """Counted before anything starts."""
    uses: tuple[str, ...]
    """Names of the inputs it reads."""
    work: Callable[[], ControlResult]
    optional: bool = False
    """Runs only when it is asked for."""
    prepare: Callable[[], Generator[Event, None, None]] | None = None
    """Runs first, where more is needed than is stored, and tells of its progress."""


@dataclass(frozen=True, eq=False)
class Means:
    """What a step may need beside the claim's own data."""

    home: Home
    engine: Engine
    device: str = "auto"
    cancelled: Cancelled = never


@dataclass(frozen=True, eq=False)
class Source:
    """The stored side of a claim."""

    joined: RunData
    kept: Bool[np.ndarray, "text"]
    data: AuditData
    """Every label of the run, at the claim's layer."""
    topics: bool = True
    """False where the texts have none: then their groups are blocks drawn at random."""

    def layer_of(self, pooling: str) -> Callable[[int], Float[np.ndarray, "text d_model"]]:
        """Another layer over the same texts."""
        read = self.joined.layer_of(pooling)
        return lambda layer: read(layer)[self.kept]

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers the run keeps."""
        return self.joined.run.identity.layers

    def tokens(self, layer: int, *, seed: int) -> Tokens | None:
        """A sample of the texts' tokens at a layer; None where the run keeps none there."""
        return sampled_tokens(self.joined.run, np.flatnonzero(self.kept), layer, seed=seed)

    def other_poolings(self, pooling: str) -> tuple[str, ...]:
        """Poolings the run keeps beside the claim's."""
        return tuple(p for p in self.joined.run.identity.poolings if p != pooling)


@contextmanager
def source_of(home: Home, subject: Subject) -> Iterator[Source]:
    """Opens the run."""
    joined = run_data(home, subject.run)
    try:
        groups = _blocks(len(joined.codes)) if joined.groups is None else joined.groups
        rows = joined.run.layer(subject.pooling, subject.layer)
        kept = np.isfinite(rows).all(axis=1) & (joined.codes >= 0) & (groups >= 0)
        texts = None
        if joined.texts is not None:
            texts = tuple(t for t, keep in zip(joined.texts, kept, strict=True) if keep)
        data = AuditData(
            rows=rows[kept].astype(np.float64),
            codes=joined.codes[kept].astype(np.int64),
            labels=joined.labels,
            groups=groups[kept].astype(np.int64),
            lengths=np.asarray(joined.run.n_tokens)[kept].astype(np.int64),
            texts=texts,
        )
        yield Source(joined, kept, data, topics=joined.groups is not None)
    finally:
        joined.run.close()


def _blocks(n: int) -> np.ndarray:
    """In place of topics: texts in random blocks, the same ones every time."""
    return np.random.default_rng(0).integers(BLOCKS, size=n)


def without_topics(step: Step) -> Step:
    """The step where texts have no topics: what it says of unseen topics is never a pass."""
    if step.control not in BY_TOPIC:
        return step

    def work() -> ControlResult:
        found = step.work()
        if found.state not in ("pass", "warn"):
            return found
        return replace(found, state="limited", reasons=(*found.reasons, NO_TOPICS))

    return replace(step, work=work)


def further_of(source: Source, audit: Audit, means: Means) -> Further:
    """What the claim was given beside its run."""
    return Further(means.home, audit.subject, source.data.labels, source.joined.run.identity)


def two_sides(data: AuditData, subject: Subject) -> AuditData:
    """The emotion against the rest, or against the other emotion alone."""
    if not subject.other:
        return data.one_against_rest(subject.emotion)
    a, b = data.code(subject.emotion), data.code(subject.other)
    part = data.take((data.codes == a) | (data.codes == b))
    codes = (part.codes == a).astype(np.int64)
    return AuditData(
        part.rows, codes, (subject.other, subject.emotion), part.groups, part.lengths, part.texts
    )


def input_hashes(
    home: Home,
    audit: Audit,
    source: Source,
    directions: DirectionSet | None,
    *,
    asked: Collection[str] = (),
) -> dict[str, str]:
    """Every input of the claim as it is today; `asked` are controls that are to run."""
    data, subject = source.data, audit.subject
    assert data.lengths is not None
    found = {
        ACTIVATIONS: digest(data.rows.astype(np.float32).tobytes()),
        LABELS: digest(list(data.labels), data.codes.tobytes(), data.groups.tobytes()),
        LENGTHS: digest(data.lengths.tobytes()),
        CLAIMS: str(family_size(home, audit)),
        SETTINGS: settings_hash(audit),
    }
    if data.texts is not None:
        found[TEXTS] = digest(list(data.texts))
    for name in _in_whole(audit, asked):
        found[name] = digest(*(rows.tobytes() for rows in _rows_of(source, audit, name)))
    if audit.claim.kind == "probe":
        found[FIRST] = digest(*(rows.tobytes() for rows in _rows_of(source, audit, FIRST)))
    if directions is not None:
        unit = directions.at(subject.emotion, subject.layer)
        found[VECTORS] = digest(
            np.asarray(unit, np.float32).tobytes(),
            residual_norm(directions, subject.layer),
            directions.recipe.revision,
        )
    return found | further_hashes(home, subject, source.joined.run.identity)


def settings_hash(audit: Audit) -> str:
    """Preset, seed, and the thresholds that a control of this kind of claim reads."""
    rules = audit.settings.rules
    keys = [k for c in computed_for(audit.claim.kind) for k in CONTROLS[c].rules]
    return digest(audit.preset, audit.seed, {k: [rules[k].passes, rules[k].warns] for k in keys})


def _in_whole(audit: Audit, asked: Collection[str]) -> list[str]:
    if audit.claim.kind != "probe":
        return []
    # P7 is required of a claim that names layers, so it will be asked for.
    wanted = {*asked, *audit.results, *(("P7",) if audit.claim.layers else ())}
    return [name for name, controls in EVERY_ROW.items() if wanted & set(controls)]


def _rows_of(source: Source, audit: Audit, name: str) -> Iterator[np.ndarray]:
    """Rows of the run that an input is made of, as the claim's texts have them."""
    subject = audit.subject
    if name == TOKENS:
        found = source.tokens(subject.layer, seed=audit.seed)
        yield from () if found is None else (found.rows, found.ids)
        return
    if name == POOLINGS:
        for pooling in source.other_poolings(subject.pooling):
            yield source.layer_of(pooling)(subject.layer).astype(np.float32)
        return
    read = source.layer_of(subject.pooling)
    for layer in source.layers if name == LAYERS else [n for n in source.layers if n == 0]:
        yield read(layer).astype(np.float32)


def current_inputs(home: Home, audit: Audit) -> dict[str, str]:
    """The same, opened and closed; raises where an input is gone."""
    directions = open_set(home, audit.subject.vectors) if audit.subject.vectors else None
    if directions is not None and not audit.subject.run:
        from emotui.jobs.audit_foreign import foreign_hashes

        return foreign_hashes(home, audit, directions)
    with source_of(home, audit.subject) as source:
        return input_hashes(home, audit, source, directions)


def family_of(identity_hash: str, dataset: str) -> str:
    """All claims on one data set are one family."""
    return f"{dataset} {identity_hash[:12]}"


def family_size(home: Home, audit: Audit) -> int:
    """Claims on the same data set, this one included, tested or not."""
    others = {f.id for f in list_findings(home) if f.family == audit.family}
    return len(others | {audit.id})


def provenance_of(source: Source, audit: Audit, *, estimator: str, vector: bytes) -> Provenance:
    """Where the numbers come from."""
    identity = source.joined.run.identity
    return Provenance(
        model=identity.model,
        revision=identity.revision,
        tokenizer_sha256=identity.tokenizer_hash,
        dtype=identity.weights_dtype,
        backend="transformers with plain hooks",
        hook_point=identity.hook_point,
        pooling=audit.subject.pooling,
        dataset_sha256=identity.dataset_hash,
        vector_sha256=digest(vector),
        code_commit=code_hash(),
        versions=versions(),
        estimator=estimator,
    )


def check_labels(labels: Sequence[str], subject: Subject) -> None:
    """OptionError for an unknown emotion, or twice the same."""
    known_name(subject.emotion, labels, what="emotion")
    if subject.other:
        known_name(subject.other, labels, what="emotion")
        if subject.other == subject.emotion:
            raise OptionError("--with names the same emotion as --emotion; name another one")
