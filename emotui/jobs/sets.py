"""Opens a set of directions and holds it against the model it is about to be used with.

In: a name, a model. Out: a DirectionSet. Refuses vectors of another model, revision, quantisation
or width, because a direction means nothing in another model's space.
"""

from collections.abc import Generator
from dataclasses import replace

import numpy as np
from store.vectorsets import load_vectors
from vectors.directions import DirectionSet

from emotui.errors import OptionError
from emotui.events import Event, Note
from emotui.jobs.engine import Engine
from emotui.jobs.spec import ModelSpec
from emotui.options import LayerSpec, layers_for
from emotui.sanitize import one_line
from store.layout import Home
from vectors.errors import DirectionError
from vectors.models import LanguageModel


def open_set(home: Home, name: str) -> DirectionSet:
    """The saved set of this name."""
    arrays, meta = load_vectors(home, name)
    return DirectionSet.from_parts(arrays, meta)


def load_for(
    engine: Engine, directions: DirectionSet, spec: ModelSpec, *, other_model: bool
) -> Generator[Event, None, LanguageModel]:
    """The model of `spec` (its source "" = the one the set was made with), checked for a match."""
    made_with = directions.recipe.model
    if not spec.source:
        if not made_with:
            raise OptionError("--model is missing: this set does not say which model it is from")
        spec = replace(spec, source=made_with)
    model = yield from engine.model(spec)
    yield from check_match(directions, model, other_model=other_model)
    return model


def check_match(
    directions: DirectionSet, model: LanguageModel, *, other_model: bool
) -> Generator[Event, None, None]:
    """DirectionError unless set and model belong together; `other_model` allows equal widths."""
    width = directions.unit.shape[-1]
    if width != model.info.d_model:
        raise DirectionError(
            f"the vectors have width {width}, the model {one_line(model.info.source)} has "
            f"{model.info.d_model}; use vectors made with this model"
        )
    recipe = directions.recipe
    differences = [
        f"{what} {one_line(theirs)!r} against {one_line(ours)!r}"
        for what, theirs, ours in (
            ("revision", recipe.revision, model.info.revision),
            ("quantisation", recipe.quantisation, model.info.quantisation),
        )
        if theirs and theirs != ours
    ]
    if not recipe.revision:
        yield Note("these vectors do not say which model they are from; only widths agree", "warn")
    elif differences and not other_model:
        raise DirectionError(
            f"the vectors are from another model ({'; '.join(differences)}); use the model they "
            "were made with, or add --other-model to use them all the same"
        )
    elif differences:
        yield Note(f"vectors of another model: {'; '.join(differences)}", "warn")


def set_layers(directions: DirectionSet, spec: LayerSpec) -> list[int]:
    """The layers asked for among those the set has."""
    return layers_for(spec, directions.layers, option="--layer")


def residual_norm(directions: DirectionSet, layer: int) -> float:
    """The unit of alpha at a layer; OptionError where the set does not know it."""
    norm = float(directions.residual_norm[directions.layer_index(layer)])
    if not np.isfinite(norm) or norm <= 0:
        raise OptionError(
            f"the set has no mean residual norm at layer {layer}, the unit of alpha; import the "
            "vectors with --run RUN, a run of the same model"
        )
    return norm
