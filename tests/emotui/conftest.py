"""A tiny real model on disk, a small planted dataset, a runner that calls `emotui` in-process."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emotui.cli import main
from emotui.commands import frame

LABELS = {"joyful": "laughed smiling bright dancing", "sad": "wept alone grey silent"}
TOPICS = ("harbour", "kitchen", "orchard", "station", "library", "meadow")
PLAIN = "the door stood open and the people walked by the old wall near"


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The only line on stderr that is an error; fails when there is not exactly one."""
        lines = [line for line in self.err.splitlines() if line.startswith("emotui: ")]
        assert len(lines) == 1, self.err
        return lines[0]


Run = Callable[..., Outcome]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on several threads, above all on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_THREADS", "1")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def emotui(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """`emotui("data", "list")`; each test has a data directory of its own unless it names one."""
    monkeypatch.setenv("EMOTUI_HOME", str(tmp_path / "home"))
    return runner(capfd)


def runner(capfd: pytest.CaptureFixture[str]) -> Run:
    """Calls the command line in this process and captures what the terminal would get."""

    def run(*args: object) -> Outcome:
        capfd.readouterr()
        frame.ROOT_HOME.set(None)
        code = main([str(a) for a in args])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err, captured.err
        return Outcome(code, captured.out, captured.err)

    return run


def story(label: str, topic: str, i: int) -> str:
    """A text whose words give its label away: the planted effect."""
    words = LABELS[label].split()
    return " ".join(
        f"{PLAIN} {topic} and {words[(i + k) % len(words)]} {words[(i + k + 1) % len(words)]} ."
        for k in range(2)
    )


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def texts_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 texts, two labels, six topics."""
    rows = [
        {"text": story(label, topic, i), "emotion": label, "topic": topic}
        for i in range(5)
        for topic in TOPICS
        for label in LABELS
    ]
    return write_rows(tmp_path_factory.mktemp("data") / "texts.jsonl", rows)


@pytest.fixture(scope="session")
def neutral_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 texts without any of the planted words."""
    rows = [
        {"text": f"{PLAIN} {TOPICS[i % 6]} . {PLAIN} {TOPICS[(i + 1) % 6]} ."} for i in range(12)
    ]
    return write_rows(tmp_path_factory.mktemp("data") / "neutral.jsonl", rows)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 3 layers and width 32 with random weights and a word tokenizer."""
    return make_model(tmp_path_factory.mktemp("model") / "tiny", width=32, seed=0)


@pytest.fixture(scope="session")
def make_tiny_model() -> Callable[..., Path]:
    """`make_tiny_model(folder, width=48, seed=1)`: another model like `model_dir`."""
    return make_model


def make_model(
    folder: Path, *, width: int, seed: int, context: int = 64, extra: Sequence[str] = ()
) -> Path:
    """Writes a tiny Llama as a Hugging Face directory; `extra` are further words it can say."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = sorted({*PLAIN.split(), *TOPICS, ".", *" ".join(LABELS.values()).split(), "letter"})
    vocabulary = {word: i for i, word in enumerate(["<s>", "</s>", "<unk>", *words, *extra])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory, texts_file: Path, neutral_file: Path, model_dir: Path
) -> "Prepared":
    """The original of `prepared`; nothing but copies of it may be worked on."""
    home = tmp_path_factory.mktemp("made")
    labelled = ["--label", "emotion", "--topic", "topic", "--quiet"]
    _do(
        home,
        ["data", "import", texts_file, "--name", "texts", *labelled],
        ["data", "import", neutral_file, "--name", "plain", "--quiet"],
        ["extract", "--model", model_dir, "--data", "texts", "--pool", "mean,last", "--quiet"],
    )
    return Prepared(home, next((home / "runs").iterdir()).name)


@pytest.fixture(scope="session")
def made_vectors(made: "Prepared", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original of the set that `vectors` names: a folder of sets."""
    home = Path(shutil.copytree(made.home, tmp_path_factory.mktemp("sets") / "home"))
    build = ["vectors", "build", made.run, "--name", "both", "--neutral", "plain", "--quiet"]
    _do(home, build)
    return home / "vectors"


def _do(home: Path, *steps: list[object]) -> None:
    """Commands on this data directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTUI_HOME", str(home))
        for step in steps:
            assert main([str(part) for part in step]) == 0


@pytest.fixture(scope="module")
def prepared(made: "Prepared", tmp_path_factory: pytest.TempPathFactory) -> "Prepared":
    """A data directory with datasets and a run, for the tests of one file.

    The workbench leaves its session there, and jobs their results: no other file may see them.
    """
    home = Path(shutil.copytree(made.home, tmp_path_factory.mktemp("prepared") / "home"))
    return Prepared(home, made.run)


@pytest.fixture(scope="module")
def vectors(prepared: "Prepared", made_vectors: Path) -> str:
    """The name of a set of vectors in the prepared data directory."""
    shutil.copytree(made_vectors, prepared.home / "vectors", dirs_exist_ok=True)
    return "both"


@dataclass(frozen=True)
class Prepared:
    """Names of what is there."""

    home: Path
    run: str


@pytest.fixture
def at_prepared(
    prepared: Prepared, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """The runner, on the prepared data directory."""
    monkeypatch.setenv("EMOTUI_HOME", str(prepared.home))
    return runner(capfd)


@pytest.fixture(scope="session")
def rated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory on the embedded model with claims to be rated; tests copy it."""
    from tests.emotui.rated import make_rated

    return make_rated(tmp_path_factory.mktemp("rated"))
