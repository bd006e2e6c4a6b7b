"""What makes a run this run and no other.

In: every setting that changes the numbers. Out: a digest, a readable run id, and the differences to
another identity in words. Versions, device and timings are not part of it: they are recorded beside
it.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store import atomic
from store.canonical import digest
from store.commit import FORMAT
from store.errors import CorruptError, FingerprintError, StoreError
from store.layout import check_name, slug

STORED_DTYPES = {"bfloat16": "uint16", "float16": "float16", "float32": "float32"}
"""Number types a run can keep, and the numpy type they have on disk."""


@dataclass(frozen=True)
class RunIdentity:
    """Every choice that changes the activations of an extraction run."""

    model: str
    """Hub id or folder name of the model."""
    revision: str
    """Hub commit, or a hash over the weight files and the configuration."""
    weights_dtype: str
    """Number type the forward pass ran in."""
    quantisation: str
    """How the weights were quantised: "none", "int8" or "nf4"."""
    attention: str
    """Attention implementation, e.g. "eager" or "sdpa"."""
    tokenizer_hash: str
    """Hash of the tokenizer's files."""
    bos_rule: str
    """Who puts the first token: "tokenizer", "prepended" or "none"."""
    dataset: str
    """Name of the dataset."""
    dataset_hash: str
    """sha256 of its rows."""
    dataset_order: str
    """Hash of which rows in which order; "" for all in the order of the dataset."""
    hook_point: str
    """Where in a block the activations come from, e.g. "blocks.{layer}.hook_resid_post"."""
    layers: tuple[int, ...]
    """Layers kept, counted from 0, ascending."""
    d_model: int
    """Width of the residual stream."""
    poolings: tuple[str, ...]
    """Names of the poolings, e.g. ("mean50", "last")."""
    token_layers: tuple[int, ...]
    """Layers of which every token is kept; empty where none."""
    mask_rule: str
    """Which tokens a pooling takes, in words of the extraction plan."""
    max_length: int
    """Tokens a text is cut to."""
    truncation: str
    """Which end is cut: "right" or "left"."""
    stored_dtype: str
    """Number type on disk: "bfloat16", "float16" or "float32"."""
    rows: int
    """Number of texts."""

    def __post_init__(self) -> None:
        for name in ("layers", "poolings", "token_layers"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.stored_dtype not in STORED_DTYPES:
            raise StoreError(
                f"stored dtype {self.stored_dtype!r} is not known: use one of "
                + ", ".join(STORED_DTYPES)
            )
        for name in ("rows", "d_model"):
            if getattr(self, name) < 1:
                raise StoreError(f"{name} is {getattr(self, name)}: a run needs at least 1")
        for name in ("layers", "token_layers"):
            given = getattr(self, name)
            if list(given) != sorted(set(given)) or (given and given[0] < 0):
                raise StoreError(f"{name} {given} must ascend from 0 or more, without repeats")
        if not self.layers or not self.poolings or len(set(self.poolings)) < len(self.poolings):
            raise StoreError("a run needs at least one layer and one pooling, each pooling once")
        for pooling in self.poolings:
            check_name(pooling)

    def to_json(self) -> dict[str, Any]:
        """Plain values, one per field."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @staticmethod
    def from_json(value: Any) -> "RunIdentity":
        """The identity of `to_json`; CorruptError where fields are missing, extra or refused."""
        names = {field.name for field in dataclasses.fields(RunIdentity)}
        if not isinstance(value, Mapping) or set(value) != names:
            differing = sorted(names ^ set(value)) if isinstance(value, Mapping) else ["all fields"]
            raise CorruptError(
                f"identity.json does not have the fields of a run ({', '.join(differing)}): "
                "restore it or remove the run"
            )
        try:
            return RunIdentity(**value)
        except (StoreError, TypeError) as error:
            raise CorruptError(f"identity.json is damaged ({error}): remove the run") from error

    def digest(self) -> str:
        """sha256 over all fields, as 64 hex digits."""
        return digest(self.to_json())

    def run_id(self) -> str:
        """Readable and unique: model and dataset, then 12 hex digits of the digest."""
        last = self.model.rstrip("/").rsplit("/", maxsplit=1)[-1]
        return f"{slug(f'{last}-{self.dataset}')}-{self.digest()[:12]}"

    def differences(self, other: "RunIdentity") -> list[str]:
        """One line per field that differs: "max_length: 512 here, 256 there"."""
        mine, theirs = self.to_json(), other.to_json()
        return [
            f"{name}: {json.dumps(mine[name])} here, {json.dumps(theirs[name])} there"
            for name in mine
            if mine[name] != theirs[name]
        ]


def read_identity(folder: Path) -> RunIdentity:
    """The identity of the run in `folder`; CorruptError where damaged, FingerprintError where of
    another version of the layout."""
    document = atomic.read_json(folder / "identity.json")
    if not isinstance(document, dict) or "identity" not in document:
        raise CorruptError(f"{folder / 'identity.json'} holds no identity: remove the run")
    if document.get("format") != FORMAT:
        raise FingerprintError(
            f"{folder} is of store format {document.get('format')!r}, this version reads {FORMAT}: "
            "use the version that wrote it, or remove the run and extract again"
        )
    return RunIdentity.from_json(document["identity"])


def check_identity(folder: Path, asked: RunIdentity) -> None:
    """FingerprintError, naming what differs, where the run in `folder` is of other settings."""
    differing = read_identity(folder).differences(asked)
    if differing:
        raise FingerprintError(
            f"{folder} was made with other settings ({'; '.join(differing)}; 'here' is what is on "
            "disk, 'there' what was asked): ask for the settings on disk or remove the run"
        )
