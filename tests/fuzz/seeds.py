"""Valid inputs to begin with: the fixtures of the importers, and what the toolkit writes."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "llm_validation" / "fixtures"
_MOST = 24_000
_ANSWERS = (
    r"so \boxed{\frac{1}{2}} it is",
    "<answer>Yes</answer>",
    "sum: 9\n#### 1,018",
    "The final answer is $18$. I hope it is correct.",
    '{"answer": "B"}',
    "**(C)** is the right answer",
    "so it is three hundred and two point five million",
    "x = 3/4, 75 %, \u0661\u0662 \uff13 \u4e09\u5341",
    "answer: \\text{(A) } 5 \\times 10^{3} \\text{ cm}^2",
    "def f(x):\n    return x\nassert f(1) == 1",
)


def texts() -> list[bytes]:
    """Replies of models, each with another way to say what the answer is."""
    return [text.encode() for text in _ANSWERS]


def configs() -> list[bytes]:
    """The configurations that come with the toolkit."""
    found = [path.read_bytes() for path in sorted((ROOT / "configs").glob("*.yaml"))]
    table = b"sweeps:\n  - name: a\n    law: {family: table, table: laws.parquet}\n    horizon: 8\n"
    return [*found, table + b"    data_budget: 4\n    log2_class_size: 2\n"]


def law_tables() -> list[bytes]:
    """A law table of two prompts at two budgets."""
    row = {"dataset": "d", "model": "m", "samples": 2, "unverified": 0, "unit": "tokens",
           "returns": [0.0, 6.0], "probabilities": [0.5, 0.5]}  # fmt: skip
    rows = [row | {"prompt_id": p, "horizon": h} for p in ("a", "b") for h in (8, 16)]
    return [_parquet(pl.DataFrame(rows)), _parquet(pl.DataFrame(rows), "uncompressed")]


def fits() -> list[bytes]:
    """What `verigap fit --per-prompt --json` prints, in short."""
    budget = {"horizon": 8, "mean_return": 3.0, "sigma_over_h_naive": 0.25}
    prompt = {"prompt_id": "a", "samples": 4, "horizons": [budget]}
    group = {"dataset": "d", "model": "m", "unit": "tokens", "per_prompt": [prompt]}
    return [json.dumps({"groups": [group]}).encode()]


def traces() -> list[bytes]:
    """Trace tables with many and with few columns, packed in several ways."""
    frame = pl.read_parquet(ROOT / "examples" / "smollm2_products.parquet").head(64)
    bare = frame.select("prompt_id", "correct")
    return [_parquet(frame, packed) for packed in ("zstd", "uncompressed", "snappy")] + [
        _parquet(bare, "lz4"),
        bare.write_csv().encode(),
        bare.write_ndjson().encode(),
    ]


def questions() -> list[bytes]:
    """A file of questions and right answers."""
    rows = [{"question": f"{i} + 1?", "answer": f"#### {i + 1}", "id": i} for i in range(3)]
    return ["\n".join(map(json.dumps, rows)).encode()]


@cache
def _logs() -> Mapping[str, list[bytes]]:
    """Small fixtures by the format that they are recognised as."""
    from verigap.llm_validation.importers import choose_format

    found: dict[str, list[bytes]] = {}
    for path in sorted(FIXTURES.rglob("*")):
        if not path.is_file() or path.name == "expected.json" or path.stat().st_size > _MOST:
            continue
        try:
            name = choose_format(None, [path])
        except ValueError:
            continue
        found.setdefault(name, []).append(path.read_bytes())
    return found


def logs(form: str) -> Callable[[], list[bytes]]:
    """Logs of one format; where there is none, of all."""

    def some() -> list[bytes]:
        return _logs().get(form) or [data for files in _logs().values() for data in files[:2]]

    return some


@cache
def helm_files() -> Mapping[str, bytes]:
    """The two files that one run of HELM is read from, by their names."""
    folder = FIXTURES / "tools" / "handmade" / "helm"
    names = ("per_instance_stats.json", "scenario_state.json")
    return {name: (folder / name).read_bytes() for name in names}


def run_folders() -> list[bytes]:
    """Every file of a run folder, behind a byte that says which; see `targets.run_folder`."""
    files = run_files()
    odd = [bytes([2 * place + 1]) + data for place, data in enumerate(files.values())]
    return [*odd, *(bytes([2 * place]) + data for place, data in enumerate(files.values()))]


@cache
def run_files() -> Mapping[str, bytes]:
    """The files of a run folder with two batches and a failure, by their paths in it."""
    from verigap.storage.run_store import RunStore

    config = (
        "schema: 2\nseed: 1\nreplicates: 2\nsweeps:\n- name: a\n  horizon: 8\n"
        "  data_budget: 4\n  log2_class_size: 2.0\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        with RunStore.open(run, config, {"seed": 1}, ["a", "b", "c"]) as store:
            for cell in ("a", "b"):
                row: dict[str, Any] = {"cell": cell, "risk": 0.5, "law": [1.0], "block": "a"}
                store.write_batch(pl.DataFrame([row]))
            store.record_failures([{"cell": "c", "error": "none"}])
        return {
            str(path.relative_to(run)): path.read_bytes()
            for path in sorted(run.rglob("*"))
            if path.is_file() and not path.name.startswith("lock")
        }


def stages() -> list[bytes]:
    """A kept result of a stage."""
    import numpy as np

    from verigap.storage.trees import tree_to_bytes

    return [tree_to_bytes({(64, 16): (np.float64(0.1), [None, "a"]), "b": np.arange(3.0)})]


def networks() -> list[bytes]:
    """Parameters of a small network."""
    import jax

    from verigap.sim.models import TransformerConfig, init, save_parameters

    config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        save_parameters(path, init(jax.random.key(0), config), config)
        return [path.read_bytes()]


def _parquet(frame: pl.DataFrame, compression: Any = "zstd") -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression=compression)
    return buffer.getvalue()
