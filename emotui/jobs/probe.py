"""Job: where in the model a label can be read, beside everything that could explain it away.

In: a run, what to read, which controls. Out: a ProbeReport, saved beside the run so that the same
request is answered at once. The untrained twin is extracted into a run of its own. Fits nothing
itself: `vectors.probes` and `vectors.baselines` do.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from emotui.events import Cancelled, Done, Job, Note, never
from emotui.jobs.engine import Engine
from emotui.jobs.rundata import RunData, pooling_of, run_data
from emotui.options import LayerSpec, layers_for
from store.atomic import read_json, write_json
from store.layout import Home


@dataclass(frozen=True)
class ProbeRequest:
    """Everything that decides a probe and its controls."""

    run: str
    layers: LayerSpec
    pooling: str | None = None
    target: str = "label"
    folds: int = 5
    seeds: int = 5
    grouped: bool = True
    """Keep topics together in a fold; False lets them leak."""
    bootstrap: int = 2000
    controls: tuple[str, ...] = ("words", "length", "norm", "shuffled", "twin", "random-split")
    twin_seed: int = 0
    seed: int = 0
    device: str = "auto"
    fresh: bool = False
    """Compute again even where the result is there."""


@dataclass(frozen=True)
class ProbeReport:
    """A probe with its controls, and what was not controlled."""

    run: str
    pooling: str
    model: str
    dataset: str
    result: dict[str, Any]
    """`ProbeResult.to_json()`."""
    not_run: tuple[str, ...]
    """Controls that were not asked for or could not be run, with the reason."""
    cached: bool
    """Read from disk, not computed now."""

    def to_json(self) -> dict[str, object]:
        """Plain values; the keys are those of docs/commands.md."""
        return asdict(self)


def probe_job(
    home: Home, request: ProbeRequest, *, engine: Engine, cancelled: Cancelled = never
) -> Job:
    """Probe first, then one control after the other; Done holds a ProbeReport."""
    data = run_data(home, request.run, target=request.target)
    pooling = pooling_of(data.run, request.pooling)
    layers = layers_for(request.layers, data.run.identity.layers)
    path = data.run.folder / "results" / f"probe-{_key(request, data, pooling, layers)}.json"
    if path.is_file() and not request.fresh:
        yield Note("read from an earlier run of the same command (--fresh computes again)")
        yield Done(replace(_from_json(read_json(path)), cached=True))
        return
    report = yield from _compute(home, request, data, pooling, layers, engine, cancelled)
    path.parent.mkdir(exist_ok=True)
    write_json(path, report.to_json())
    yield Done(report)


def _key(request: ProbeRequest, data: RunData, pooling: str, layers: list[int]) -> str:
    """A digest of everything the numbers depend on; excluding rows later changes it."""
    wanted = asdict(replace(request, run="", layers=LayerSpec("", None), fresh=False, device=""))
    parts = [wanted, data.run.run_id, pooling, layers, list(data.labels)]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(data.codes, dtype=np.int64).tobytes())
    if data.groups is not None:
        digest.update(np.ascontiguousarray(data.groups, dtype=np.int64).tobytes())
    return digest.hexdigest()[:16]


def _from_json(value: dict[str, Any]) -> ProbeReport:
    return ProbeReport(**{**value, "not_run": tuple(value["not_run"])})
