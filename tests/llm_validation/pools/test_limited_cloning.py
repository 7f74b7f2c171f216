"""Cloning with limited confidence on pools: its gradient, what it sees, and its mechanism."""

from pathlib import Path

import numpy as np
import pytest

from tests.llm_validation.deciding.made_outcomes import pools as made_pools
from verigap.llm_validation import read_traces
from verigap.llm_validation.pools import sample_pools
from verigap.llm_validation.pools.cloning import Demonstrations
from verigap.llm_validation.pools.features import features
from verigap.llm_validation.pools.limited_cloning import (
    cloning_path,
    held_out_path,
    same_answer,
)

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_samples_of_the_same_answer() -> None:
    answer = np.array([[0, 0, 1, -1], [2, 2, 2, 2]])
    mask = np.array([[True] * 4, [True, True, True, False]])
    seen = Demonstrations(np.array([[0, 0, 1, -1]]), np.array([[1, 3, 0, -1]]))
    assert same_answer(answer, mask, seen).astype(int).tolist() == [
        [[1, 1, 0, 0], [0, 0, 0, 1], [1, 1, 1, 0], [0, 0, 0, 0]]
    ]


@pytest.mark.parametrize("trained_for", [1.0, 5.0])
def test_a_step_against_differences(trained_for: float) -> None:
    rng = np.random.default_rng(2)
    table = made_pools(
        rng.random((3, 4)) < 0.5,
        length=rng.integers(3, 30, (3, 4)),
        answer=rng.integers(0, 2, (3, 4)),
        score=rng.random((3, 4)),
    )
    phi = features(table, np.inf)
    seen = Demonstrations(np.array([[0, 2, -1]]), np.array([[1, 3, -1]]))
    same = same_answer(table.answer, table.mask, seen)

    def policy(theta: np.ndarray) -> np.ndarray:
        weights = np.exp(phi.values @ theta)
        return weights / weights.sum(axis=1, keepdims=True)

    def loss(theta: np.ndarray) -> float:
        shown = [(policy(theta)[prompt] * same[0, row]).sum() for row, prompt in ((0, 0), (1, 2))]
        return float(np.mean([-np.log1p(-((1 - p) ** trained_for)) for p in shown]))

    theta, width = np.zeros(phi.values.shape[2]), 1e-6
    steps = (0, 1, 2)
    found = cloning_path(phi, seen, same, trained_for, steps, rate=0.3)[0]
    for step in range(3):
        np.testing.assert_allclose(found[step], policy(theta), atol=1e-7)
        moves = width * np.eye(theta.size)
        slope = [(loss(theta + move) - loss(theta - move)) / (2 * width) for move in moves]
        theta = theta - 0.3 * np.array(slope)


@pytest.mark.long
def test_longer_cloning_lowers_pass_at_n_of_a_real_model_and_a_limit_delays_it() -> None:
    """The mechanism of arXiv 2502.07154 on prompts that were held out."""
    (pools,) = sample_pools(read_traces(EXAMPLES / "smollm2_products.parquet"))
    plain, limited = (
        held_out_path(pools, trained_for=n, num_candidates=16, steps=(0, 30, 300), seed=0)
        for n in (1.0, 16.0)
    )
    falls, holds = (each.pass_at_n.mean(axis=1) for each in (plain, limited))
    assert falls[0] == pytest.approx(holds[0])
    # pass@16 is 0.429 at first, and 0.176 or 0.381 after 300 steps.
    assert falls[-1] < falls[0] / 2
    assert holds[-1] > 2 * falls[-1]
    assert holds[1] > holds[0] - 0.03 > falls[1] + 0.1
