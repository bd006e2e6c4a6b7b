"""From a directory or hub id to a transformers model and tokenizer, or one clear line why not.

In: a LoadRequest. Out: the two objects, the revision of the weights, and a reason for each choice.
Everything transformers may raise on the way is turned into a ModelError here. Knows nothing about
blocks, hooks or texts.
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError

from .errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DTYPES = ("float32", "bfloat16", "float16")
QUANTS = ("none", "int8", "nf4")
ATTENTIONS = ("auto", "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
# A weight file up to this size is hashed whole; of a larger one the header and samples.
_WHOLE_BYTES = 256 * 2**20
_SAMPLES, _SAMPLE_BYTES = 64, 2**20
REACH_S = 10.0
"""Seconds within which a hub has to answer."""
_HUB_ID = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
# What transformers and safetensors raise for files that are absent, broken or of another kind.
_LOAD_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    SafetensorError,
)


@dataclass(frozen=True)
class LoadRequest:
    """What load_model was asked for; see its docstring."""

    source: str
    dtype: str
    device: str
    quant: str
    attention: str
    revision: str | None
    trust_remote_code: bool
    allow_pickle: bool


@dataclass(frozen=True)
class Loaded:
    """What came of it."""

    hf: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    revision: str
    reasons: tuple[str, ...]


def load_parts(request: LoadRequest) -> Loaded:
    """Check the request, then load config, tokenizer and weights; ModelError says what is wrong."""
    _check_names(request)
    folder = _local_folder(request)
    if folder is None:
        _check_reach(request)
    with _quiet():
        config = _load_config(request)
        device, device_reason = _choose_device(request)
        dtype, dtype_reason = _choose_dtype(request, config, device)
        tokenizer = _load_tokenizer(request)
        hf = _load_weights(request, config, dtype, device)
    revision = _local_revision(folder) if folder else _hub_revision(hf)
    reasons = [dtype_reason, device_reason]
    if request.quant != "none":
        reasons.append(f"quantisation {request.quant}: asked for")
    if request.attention != "auto":
        reasons.append(f"attention {request.attention}: asked for")
    return Loaded(hf, tokenizer, revision, tuple(reasons))


def _check_names(request: LoadRequest) -> None:
    """Names that are unknown whatever the model is."""
    for what, value, allowed in (
        ("dtype", request.dtype, ("auto", *DTYPES)),
        ("quant", request.quant, QUANTS),
        ("attention", request.attention, ATTENTIONS),
    ):
        if value not in allowed:
            raise ModelError(f"{what} {value!r} is unknown; use one of {', '.join(allowed)}")
    if request.quant != "none" and importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            f"quant {request.quant!r} needs bitsandbytes, which is not installed; "
            "install emotui[quant] or use quant 'none'"
        )
    if request.device in ("map", "auto-map") and importlib.util.find_spec("accelerate") is None:
        raise ModelError(
            "device 'map' needs accelerate, which is not installed; install emotui[maps]"
        )


def _local_folder(request: LoadRequest) -> Path | None:
    """The directory meant, after its files were looked at; None for a hub id."""
    path = Path(request.source).expanduser()
    if not path.exists():
        if _HUB_ID.fullmatch(request.source):
            return None
        raise ModelError(
            f"no such directory: {request.source}; give a model directory or a hub id (name/model)"
        )
    if not path.is_dir():
        raise ModelError(f"{request.source} is a file; give the directory that holds config.json")
    if not (path / "config.json").is_file():
        raise ModelError(f"{request.source} is no model: it has no config.json")
    if not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(
            f"{request.source} has no tokenizer: none of {', '.join(_TOKENIZER_FILES)} is there"
        )
    safe, pickled = list(path.glob("*.safetensors")), list(path.glob("*.bin"))
    if not safe and not pickled:
        raise ModelError(f"{request.source} has no weights: no *.safetensors is there")
    if not safe and not request.allow_pickle:
        raise ModelError(
            f"{request.source} has pickled weights only ({pickled[0].name}), which can run code; "
            "convert them to safetensors or allow pickle"
        )
    return path


def _check_reach(request: LoadRequest) -> None:
    """ModelError at once for a hub model that is not in the cache where no hub can be reached.

    Left to itself the hub's client tries six times, for half a minute.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    source, revision = request.source, request.revision
    if isinstance(try_to_load_from_cache(source, "config.json", revision=revision), str):
        return
    try:
        HfApi().model_info(source, revision=revision, timeout=REACH_S)
    except HfHubHTTPError:
        return  # the hub is there; loading says what it lacks
    except (HTTPError, OSError) as error:
        raise ModelError(
            f"cannot get {source} from the hub ({_one_line(error)}), and it is not in the cache; "
            "check the connection, or give a local directory"
        ) from error


def _load_config(request: LoadRequest) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(
            request.source,
            revision=request.revision,
            trust_remote_code=request.trust_remote_code,
        )
    except _LOAD_ERRORS as error:
        raise ModelError(_explain(request, error)) from error


def _load_tokenizer(request: LoadRequest) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            request.source,
            revision=request.revision,
            trust_remote_code=request.trust_remote_code,
        )
    except _LOAD_ERRORS as error:
        raise ModelError(f"{request.source} has no usable tokenizer: {_one_line(error)}") from error
    return tokenizer


def _load_weights(
    request: LoadRequest, config: Any, dtype: torch.dtype, device: str
) -> "PreTrainedModel":
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"dtype": dtype}
    if request.attention != "auto":
        options["attn_implementation"] = request.attention
    if request.quant != "none":
        options["quantization_config"] = _quantisation_config(request.quant, dtype)
    if device in ("map", "auto-map"):
        options["device_map"] = "auto"
    elif request.quant != "none":
        options["device_map"] = {"": device}
    try:
        hf, report = AutoModelForCausalLM.from_pretrained(
            request.source,
            config=config,
            revision=request.revision,
            trust_remote_code=request.trust_remote_code,
            use_safetensors=None if request.allow_pickle else True,
            output_loading_info=True,
            **options,
        )
        if "device_map" not in options:
            hf = hf.to(device)
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{request.source} does not fit on {device}; use quant 'int8' or 'nf4', or device 'map'"
        ) from error
    except _LOAD_ERRORS as error:
        raise ModelError(_explain(request, error)) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"the weights of {request.source} lack {len(missing)} tensors of its config "
            f"(first: {missing[0]}); download the model again"
        )
    model: PreTrainedModel = hf
    return model


def _quantisation_config(quant: str, dtype: torch.dtype) -> Any:
    from transformers import BitsAndBytesConfig

    if quant == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def _choose_device(request: LoadRequest) -> tuple[str, str]:
    if request.device in ("map", "auto-map"):
        return "map", "device map: asked for; accelerate spreads the blocks over what is there"
    if request.device == "auto":
        if torch.cuda.is_available():
            return "cuda", "device cuda: a GPU is there"
        if torch.backends.mps.is_available():
            return "mps", "device mps: an Apple GPU is there"
        return "cpu", "device cpu: no GPU is there"
    try:
        device = torch.device(request.device)
    except RuntimeError as error:
        raise ModelError(
            f"device {request.device!r} is unknown; use auto, cpu, cuda, cuda:<n>, mps or map"
        ) from error
    here = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= here:
        raise ModelError(
            f"device {request.device!r} is not there: {here} CUDA devices; use cpu or auto"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ModelError("device 'mps' is not there; use cpu or auto")
    if device.type not in ("cpu", "cuda", "mps"):
        raise ModelError(
            f"device {request.device!r} is not supported; use auto, cpu, cuda, cuda:<n>, mps or map"
        )
    return request.device, f"device {request.device}: asked for"


def _choose_dtype(request: LoadRequest, config: Any, device: str) -> tuple[torch.dtype, str]:
    """The config's own dtype on a GPU, float32 on a CPU, unless one is asked for."""
    if request.dtype != "auto":
        dtype: torch.dtype = getattr(torch, request.dtype)
        return dtype, f"dtype {request.dtype}: asked for"
    gpu = device.startswith("cuda") or (device == "map" and torch.cuda.is_available())
    if not gpu:
        return torch.float32, "dtype float32: exact and fast on a CPU"
    stated = getattr(config, "dtype", None) or getattr(config.get_text_config(), "dtype", None)
    name = str(stated or "float32").removeprefix("torch.")
    if name == "float16" and str(config.model_type).startswith("gemma"):
        return torch.bfloat16, "dtype bfloat16: Gemma overflows in the float16 its config states"
    if name == "bfloat16" and not torch.cuda.is_bf16_supported():
        return torch.float32, "dtype float32: this GPU has no bfloat16"
    if name not in DTYPES:
        return torch.bfloat16, f"dtype bfloat16: the config states {name}"
    return getattr(torch, name), f"dtype {name}: as the config states"


def _explain(request: LoadRequest, error: Exception) -> str:
    """One line for what transformers said, with the remedy for the cases that have one."""
    text = str(error)
    local = Path(request.source).expanduser().is_dir()
    if "trust_remote_code" in text:
        return (
            f"{request.source} needs its own code to run, which is off; read that code, then allow "
            "remote code, or use another model"
        )
    if isinstance(error, OSError) and not local:
        return (
            f"cannot get {request.source} from the hub ({_one_line(error)}); check the name and "
            "the connection, or give a local directory"
        )
    if "safetensors" in text and not request.allow_pickle and not local:
        return f"{request.source} has no safetensors weights; allow pickle to load others"
    if "Unrecognized configuration class" in text or "Unrecognized model" in text:
        from .families import FAMILY_NAMES

        return f"{request.source} is no causal language model; tested families: {FAMILY_NAMES}"
    if "does not recognize this architecture" in text:
        from .families import FAMILY_NAMES

        return (
            f"{request.source} is of a family this transformers version does not know; "
            f"tested families: {FAMILY_NAMES}"
        )
    return f"cannot load {request.source}: {_one_line(error)}"


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _local_revision(folder: Path) -> str:
    """sha256 over config and weight files; of a file above 256 MB, size, header and samples.

    Sixty-four samples of 1 MB see any retraining; they would miss a single edited tensor.
    """
    digest = hashlib.sha256()
    files = [folder / "config.json", *sorted(folder.glob("*.safetensors"))]
    if len(files) == 1:
        files += sorted(folder.glob("*.bin"))
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}:".encode())
        with path.open("rb") as file:
            if size <= _WHOLE_BYTES:
                while block := file.read(2**20):
                    digest.update(block)
                continue
            for sample in range(_SAMPLES):
                file.seek((size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return f"sha256:{digest.hexdigest()[:16]}"


def _hub_revision(hf: "PreTrainedModel") -> str:
    return str(getattr(hf.config, "_commit_hash", None) or "unknown")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' progress bars and notices off the terminal while loading."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
