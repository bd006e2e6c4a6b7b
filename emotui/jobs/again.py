"""Asks for an extraction with the settings of an earlier run.

In: a run. Out: requests that treat another dataset, or the same rows under an untrained twin, just
as that run was treated. Extracts nothing.
"""

from emotui.errors import OptionError
from emotui.jobs.extract import ExtractRequest, Rows
from emotui.jobs.spec import ModelSpec
from emotui.options import LayerSpec
from store.runs import Run


def rows_of(run: Run) -> Rows:
    """The choice of rows that an extraction was asked for, to ask for it again."""
    kept = dict(run.info["rows"])
    for name in ("labels", "topics"):
        if kept[name] is not None:
            kept[name] = tuple(kept[name])
    return Rows(**kept)


def same_settings(run: Run, *, dataset: str, device: str) -> ExtractRequest:
    """A request that treats another dataset as this run treated its own."""
    identity = run.identity
    if run.info.get("foreign"):
        raise OptionError(
            "imported activations have no model here, so texts cannot be extracted to match; "
            "name a run of neutral activations instead"
        )
    spec = dict(run.info["spec"]) | {"source": run.info["source"], "device": device}
    return ExtractRequest(
        model=ModelSpec(**spec),
        dataset=dataset,
        layers=LayerSpec("as the run", tuple(identity.layers)),
        poolings=identity.poolings,
        rows=Rows(),
        max_length=identity.max_length,
        stored_dtype=identity.stored_dtype,
        twin_seed=run.info.get("twin_seed"),
    )
