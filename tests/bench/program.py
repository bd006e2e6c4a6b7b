"""A Python program on a pseudo terminal, and a home with datasets, a run and vectors for it.

In: arguments and an environment; a folder and a model directory. Out: keys go in, text comes out,
with the times in between. The reader sleeps in `select`, so that a time is the program's own.
"""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.bench.screen import SIZE, Terminal

PROSE = "the gate stood open and she read the letter twice before the lamps went out"
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Program(Terminal):
    """Any Python program on a pseudo terminal."""

    def __init__(self, argv: list[str], *, env: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(env)
            os.execv(sys.executable, [sys.executable, *argv])
        self.resize(*SIZE)

    def resize(self, columns: int, rows: int) -> None:
        """Another size of the terminal."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys: str) -> None:
        """Keys without waiting."""
        os.write(self.fd, keys.encode())

    def wait_for(self, wanted: str, timeout: float = 60.0) -> float:
        """Seconds from now until the text is on the wire; TimeoutError says what came instead."""
        began, seen = time.perf_counter(), b""
        while (left := timeout - (time.perf_counter() - began)) > 0:
            seen += self.read(left)
            if wanted in plain(seen):
                return time.perf_counter() - began
        raise TimeoutError(
            f"{wanted!r} was not drawn within {timeout} s; last: {plain(seen)[-400:]}"
        )

    def press_for(self, key: str, wanted: str, *, timeout: float = 3.0) -> tuple[float, bytes]:
        """Milliseconds from a key to a text on the wire (NaN: never), and all that came."""
        began, seen = time.perf_counter(), b""
        self.send(key)
        while (left := timeout - (time.perf_counter() - began)) > 0:
            seen += self.read(left)
            if wanted in plain(seen):
                return (time.perf_counter() - began) * 1000, seen
        return float("nan"), seen

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU that its live threads have used."""
        tasks = Path(f"/proc/{self.pid}/task")
        return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks.iterdir()) / 1e9


def plain(wire: bytes) -> str:
    """What is on the wire without colours and moves."""
    return _ESCAPES.sub(b"", wire).decode("utf-8", "replace")


def environment(home: Path) -> dict[str, str]:
    """What a program in a home needs; the threads of torch are emotui's own choice."""
    return {
        "EMOTUI_HOME": str(home),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "HF_HUB_OFFLINE": "1",
    }


def command(home: Path, *words: str) -> str:
    """An emotui command in that home; returns what it prints."""
    argv = [sys.executable, "-m", "emotui", *words]
    env = os.environ | environment(home)
    done = subprocess.run(argv, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def write_rows(path: Path, n: int) -> Path:
    """Made-up stories with labels and topics."""
    words = PROSE.split()
    with path.open("w", encoding="utf-8") as file:
        for i in range(n):
            text = " ".join(words[(i * 7 + k * 3) % len(words)] for k in range(40))
            row = {"text": f"{text} {i}", "label": f"l{i % 20}", "topic": f"t{i % 30}"}
            file.write(json.dumps(row) + "\n")
    return path


def random_llama(folder: Path, model: str, *, layers: int = 8, width: int = 256) -> Path:
    """An untrained Llama, context 4,096, with the tokenizer of another model.

    On a CPU 8 layers x 256 are slow enough per token for a run to last while keys are pressed.
    Above a width of 1,024 the weights are bfloat16.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    source = Path(model)
    given = json.loads((source / "config.json").read_text())
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=given["vocab_size"],
        hidden_size=width,
        intermediate_size=width * 43 // 16,
        num_hidden_layers=layers,
        num_attention_heads=max(8, width // 128),
        num_key_value_heads=8,
        max_position_embeddings=4096,
        bos_token_id=given.get("bos_token_id"),
        eos_token_id=given.get("eos_token_id"),
        pad_token_id=given.get("pad_token_id"),
    )
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        hf = LlamaForCausalLM._from_config(
            config, dtype=torch.bfloat16 if width > 1024 else torch.float32
        )
    hf.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (source / name).exists():
            shutil.copy(source / name, folder / name)
    return folder


def vectors_of(home: Path, model: Path | str, *, dataset: str, name: str, limit: int) -> None:
    """A run of the model over a part of the dataset, and vectors built from it."""
    extracted = command(
        home, "extract", "--model", str(model), "--data", dataset, "--pool", "mean",
        "--limit", str(limit), "--quiet",
    )  # fmt: skip
    command(home, "vectors", "build", extracted.split()[0], "--name", name, "--quiet")
