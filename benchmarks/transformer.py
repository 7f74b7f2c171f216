"""The transformer: training beside PyTorch's GPT-2, sampling with and without a cache."""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verigap.sim.models.config import TransformerConfig

ROOT = Path(__file__).resolve().parent.parent
_TORCH = ROOT / ".venv-torch" / "bin" / "python"
_VOCABULARY, _PROMPT, _HORIZON, _BATCH = 32, 3, 128, 64
_STEPS, _REPEATS = 8, 7
_HORIZONS = (16, 32, 64, 128)


def _config(outputs: int) -> TransformerConfig:
    from verigap.sim.models.config import TransformerConfig

    return TransformerConfig(_VOCABULARY, outputs, _PROMPT + _HORIZON)


class _Torch:
    """The worker in the other environment."""

    def __init__(self, sizes: dict[str, int]):
        command = [str(_TORCH), str(ROOT / "benchmarks" / "torch_worker.py"), json.dumps(sizes)]
        threads = {"OMP_NUM_THREADS": str(sizes["threads"])}
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **threads},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.about = self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the PyTorch worker has ended; see its message above")
        return json.loads(line)

    def seconds(self, steps: int) -> float:
        assert self._process.stdin is not None
        print(steps, file=self._process.stdin, flush=True)
        return self._read()["seconds"]

    def close(self) -> None:
        self._process.communicate()


def _trainer(config: TransformerConfig) -> Callable[[int], float]:
    """Seconds of some of our training steps, drawing the batches included."""
    import jax
    from jax.tree_util import Partial

    from verigap.sim.models.losses import next_token_loss
    from verigap.sim.models.training import TrainingPlan, advance, start
    from verigap.sim.models.transformer import init

    key = jax.random.key(0)
    # The model reads as many positions as PyTorch's: all but the last token of the trace.
    traces = jax.random.randint(key, (4096, config.length - _PROMPT + 1), 0, config.outputs)
    prompts = jax.random.randint(key, (4096, _PROMPT), 0, config.vocabulary)
    plan = TrainingPlan(10_000, _BATCH, 1e-3, 100, 0.01)

    def draw(data: Any, key: Any, step: Any) -> Any:
        rows = jax.random.randint(key, (plan.batch,), 0, 4096)
        return tuple(column[rows] for column in data)

    def loss(params: Any, batch: Any) -> Any:
        return next_token_loss(params, config, *batch)

    state = start(init(key, config), plan)
    batches = Partial(draw, (prompts, traces))

    def seconds(steps: int) -> float:
        begun = time.perf_counter()
        done = advance(loss, state, plan, key, batches, record_every=steps, until=steps)
        jax.block_until_ready(done.params)
        return time.perf_counter() - begun

    return seconds


def training(folder: Path) -> dict[str, object]:
    """Tokens a second of both sides in turn, so that drift hits both alike."""
    from verigap.sim.models.transformer import count_parameters

    config = _config(_VOCABULARY)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch = _Torch({**asdict(config), "batch": _BATCH, "threads": threads or 1})
    ours = _trainer(config)
    for warm_up in (ours, torch.seconds):
        warm_up(_STEPS)
    tokens = _STEPS * _BATCH * config.length
    pairs = [
        [tokens / side for side in (ours(_STEPS), torch.seconds(_STEPS))] for _ in range(_REPEATS)
    ]
    torch.close()
    return {"pairs": pairs, "torch": torch.about, "parameters": count_parameters(config)}


def sampling(folder: Path) -> dict[str, object]:
    """Seconds of a batch of traces: over H with the cache, and without it at the longest."""
    import jax

    from verigap.sim.models.sampling import sample, sample_uncached
    from verigap.sim.models.transformer import init

    config = _config(_VOCABULARY // 2)
    params = init(jax.random.key(0), config)
    prompts = jax.random.randint(
        jax.random.key(1), (_BATCH, _PROMPT), config.outputs, config.vocabulary
    )

    def seconds(draw: Callable[..., Any], horizon: int) -> float:
        start = time.perf_counter()
        jax.block_until_ready(draw(jax.random.key(2), params, config, prompts, horizon))
        return time.perf_counter() - start

    tasks = [*(partial(seconds, sample, horizon) for horizon in _HORIZONS)]
    tasks.append(partial(seconds, sample_uncached, _HORIZON))
    for task in tasks:
        task()
    rounds = [[task() for task in tasks] for _ in range(_REPEATS)]
    return {
        "tokens_per_second": [_BATCH * _HORIZON / times[-2] for times in rounds],
        "ratios": [times[-1] / times[-2] for times in rounds],
        "exponents": [_slope(times[:-1]) for times in rounds],
    }


def _slope(times: list[float]) -> float:
    """Least-squares slope of the logarithm of the time against that of the horizon."""
    x = [math.log(horizon) for horizon in _HORIZONS]
    y = [math.log(value) for value in times]
    middle = sum(x) / len(x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum(
        (a - middle) ** 2 for a in x
    )
