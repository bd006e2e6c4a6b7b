"""Every error that vectors raises on purpose, as one tree.

VectorsError                what was given + what is allowed + what to do
├── ModelError              no model there, no tokenizer, unknown family, failed self-check
├── LayerError              a layer index out of range
├── TextError               a text that cannot be used (empty after tokenisation, bad span)
├── DataError               too few rows, one label only, NaN in activations, unknown label
├── DirectionError          arithmetic or use across models, layers or normalisations
└── Cancelled               the caller asked to stop; nothing is wrong
"""


class VectorsError(Exception):
    """Base of all errors raised on purpose by vectors."""


class ModelError(VectorsError):
    """A model or tokenizer cannot be loaded or does not behave as its family should."""


class LayerError(VectorsError):
    """A layer index is outside the model."""


class TextError(VectorsError):
    """A text or a character span cannot be used."""


class DataError(VectorsError):
    """The data cannot carry the computation asked for."""


class DirectionError(VectorsError):
    """Directions of different models, layers or normalisations were mixed."""


class Cancelled(VectorsError):
    """The caller cancelled the work between two batches or tokens."""
