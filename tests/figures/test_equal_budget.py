"""The figure equal-budget: chances of success where they are known by hand."""

import numpy as np
import polars as pl
import pytest

from tests.drawn_axes import drawn_axes
from verigap.figures import equal_budget
from verigap.llm_validation.pools.pools import verified_pools
from verigap.llm_validation.traces import Traces


def _pools(prompts=6):
    """Every prompt: one trace correct at token 8 of 10, three of 20 tokens that never are."""
    rows = [
        {"prompt_id": f"p{prompt}", "sample_id": i, "correct": i == 0, "answer": str(i),
         "first_correct": 8 if i == 0 else None, "n_tokens": 10 if i == 0 else 20}
        for prompt in range(prompts)
        for i in range(4)
    ]  # fmt: skip
    (pools,) = verified_pools(Traces(pl.DataFrame(rows)))
    return pools


def test_n_traces_share_the_budget() -> None:
    pools = _pools()
    single = equal_budget.measured_successes(pools, [4, 8, 16], 1, 16, 2).means()
    np.testing.assert_allclose(single["base"][:, 0], [0, 0.25, 0.25])
    np.testing.assert_allclose(single["exact"], single["base"])
    # Two traces of 4 tokens, then of 8: one of two is the correct one half of the time.
    pair = equal_budget.measured_successes(pools, [8, 16, 32], 2, 16, 2).means()
    np.testing.assert_allclose(pair["exact"][:, 0], [0, 0.5, 0.5])
    # Only the correct trace ends in time to have an answer, so the vote finds it.
    assert pair["vote"][2, 0] == pytest.approx(0.5, abs=0.1)
    assert (pair["verify"] <= pair["exact"] + 1e-9).all()


def _data():
    arms = [("base", 1), ("clone", 1)]
    arms += [(name, n) for n in (4, 16) for name in ("exact", "verify", "vote")]
    group = {
        "dataset": "set", "model": "m", "unit": "tokens", "prompts": 3, "longest": 30.0,
        "data": 99, "seeds": 5, "budgets": [16, 32, 64],
        "arms": [
            {"policy": name, "candidates": n,
             "success": [[0.0, None, None], [0.01 * n, 0.0, 0.02 * n], [0.02 * n, 0.01 * n, 0.4]]}
            for name, n in arms
        ],
    }  # fmt: skip
    return {"measured": [group]}


def test_chances_stand_where_they_should() -> None:
    exact, learned = drawn_axes(equal_budget, _data())
    for axis, label, number in (
        (exact, "clone (VF), one trace", 1),
        (exact, "exact check (VB), $N=16$", 16),
        (learned, "learned verifier (VB), $N=4$", 4),
        (learned, "vote, $N=16$", 16),
    ):
        (drawn,) = [c for c in axis.containers if c.get_label() == label]
        np.testing.assert_allclose(drawn.lines[0].get_ydata(), [0, 0.01 * number, 0.02 * number])
    assert len(exact.containers) == 4
    assert len(learned.containers) == 6


def test_the_caption_says_what_is_compared() -> None:
    text = equal_budget.caption(_data())
    for part in (
        "m on set (3 prompts, longest",
        "N = 4 or 16",
        "n = 99",
        "5 seeds",
        "oracle",
    ):
        assert part in text
