"""Holds the loaded model, so that several jobs in one process load it once.

In: a ModelSpec. Out: a LanguageModel, and notes about what was chosen and checked at load. Keeps
one trained model and its untrained twin. Knows no dataset and no store.
"""

import os
from collections.abc import Generator
from pathlib import Path

from emotui.events import Event, Note
from emotui.jobs.spec import DEMO, DEMO_MODEL, ModelSpec
from emotui.sanitize import one_line
from vectors.models import LanguageModel, ModelInfo, load_model, untrained_twin


class Engine:
    """At most one loaded model; loading another lets the first go.

    `threads` is the number of CPU threads for torch; 0 leaves torch's choice, less as many cores as
    are to be spared for others (but at least one).
    """

    def __init__(self, *, threads: int = 0, spared: int = 0) -> None:
        self._loaded: tuple[ModelSpec, LanguageModel] | None = None
        self._twin: tuple[ModelSpec, int, LanguageModel] | None = None
        if threads or spared:
            import torch

            most = max(1, (os.cpu_count() or 1) - spared)
            torch.set_num_threads(threads or min(torch.get_num_threads(), most))

    @property
    def info(self) -> ModelInfo | None:
        """What is loaded; None for nothing."""
        return None if self._loaded is None else self._loaded[1].info

    def model(self, spec: ModelSpec) -> Generator[Event, None, LanguageModel]:
        """The model of this spec; `model = yield from engine.model(spec)`."""
        if self._loaded is not None and self._loaded[0] == spec:
            return self._loaded[1]
        self._loaded = self._twin = None
        yield Note(f"loading {one_line(spec.source)}")
        model = load_model(
            resolve_source(spec.source),
            dtype=spec.dtype,
            device=spec.device,
            quant=spec.quantisation,
            attention=spec.attention,
            revision=spec.revision,
            trust_remote_code=spec.trust_remote_code,
            allow_pickle=spec.allow_pickle,
        )
        self._loaded = (spec, model)
        yield from _introduce(model)
        return model

    def twin(self, spec: ModelSpec, *, seed: int) -> Generator[Event, None, LanguageModel]:
        """The untrained twin: the same config and tokenizer, weights drawn with `seed`."""
        if self._twin is not None and self._twin[:2] == (spec, seed):
            return self._twin[2]
        model = yield from self.model(spec)
        twin = untrained_twin(model, seed=seed)
        self._twin = (spec, seed, twin)
        yield Note(f"untrained twin: the same config and tokenizer, weights drawn with seed {seed}")
        return twin


def resolve_source(source: str) -> str:
    """The directory behind the name "demo" and behind ~; anything else unchanged."""
    if source == DEMO:
        return str(DEMO_MODEL)
    return str(Path(source).expanduser()) if source.startswith("~") else source


def _introduce(model: LanguageModel) -> Generator[Event, None, None]:
    info = model.info
    yield Note(
        f"model: {one_line(info.source)}, {info.family}, {info.n_layers} layers, d_model "
        f"{info.d_model}, {info.n_parameters:,} parameters, {info.dtype} on {info.device}"
    )
    for reason in info.reasons:
        yield Note(f"  {one_line(reason)}")
    good = sum(check.ok for check in info.checks)
    yield Note(f"  self-check: {good}/{len(info.checks)} passed")
    for check in info.checks:
        if not check.ok:
            yield Note(f"self-check {check.name}: {one_line(check.detail)}", "warn")
