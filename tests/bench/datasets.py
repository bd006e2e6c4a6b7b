"""How fast and how small datasets are: import, open, random rows, check; 250,000 rows by default.

Run with `python -m tests.bench.datasets [ROWS]`. Rows are made of random words, about 500
characters each, with 20 labels and 100 topics. Memory is the growth of the resident set of a fresh
process.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

_CHILD = """
import json, sys, time, resource
from pathlib import Path
import numpy as np, psutil
from store.layout import Home
from store.importers import import_dataset
from store.datasets import Dataset
from store.checks import check_dataset
from store.selection import select, split_by_group
what, root = sys.argv[1], Path(sys.argv[2])
home = Home(root / "home")
before = psutil.Process().memory_info().rss
start = time.perf_counter()
if what == "import":
    import_dataset(home, root / "rows.jsonl", name="bench", label="label", topic="topic")
elif what == "check":
    check_dataset(Dataset.open(home, "bench"))
elif what == "open":
    Dataset.open(home, "bench")
else:
    data = Dataset.open(home, "bench")
    data.codes, data.topic_codes, data.lengths
    if what == "select":
        split_by_group(data, selection=select(data, per_label=1000))
    if what == "row":
        order = np.random.default_rng(0).integers(0, len(data), 10000).tolist()
        start = time.perf_counter()
        for i in order:
            data.row(i)
elapsed = time.perf_counter() - start
grown = psutil.Process().memory_info().rss - before
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
print(json.dumps([elapsed, grown, peak]))
"""


def write_rows(path: Path, n: int) -> None:
    """A JSONL file of n rows."""
    rng = np.random.default_rng(0)
    syllables = [a + b for a in tuple("bdfgklmnprstv") for b in tuple("aeiou")]
    words = np.array(["".join(rng.choice(syllables, rng.integers(1, 4))) for _ in range(20000)])
    with path.open("w") as file:
        for i in range(n):
            text = " ".join(words[rng.integers(0, len(words), 100)])
            row = {"text": text, "label": f"label{i % 20}", "topic": f"topic{i // 20 % 100}"}
            file.write(json.dumps(row | {"id": i}) + "\n")


def main(rows: int = 250_000) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_rows(root / "rows.jsonl", rows)
        size = (root / "rows.jsonl").stat().st_size
        print(f"{rows:,} rows, {size / 1e6:.0f} MB of JSONL")
        print("| step | seconds | memory grown, MB | peak above start, MB |")
        print("|---|---|---|---|")
        for what in ("import", "open", "codes", "select", "row", "check"):
            done = subprocess.run(
                [sys.executable, "-c", _CHILD, what, folder],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            elapsed, grown, peak = json.loads(done.stdout)
            note = " (10,000 random rows)" if what == "row" else ""
            print(f"| {what}{note} | {elapsed:.4f} | {grown / 1e6:.1f} | {peak / 1e6:.1f} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
