"""Consensus of tests and solutions against a count of groups, and on the code pack."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.deciding.made_outcomes import made, subsets
from verigap.llm_validation import read_traces
from verigap.llm_validation.deciding.candidates import Candidates
from verigap.llm_validation.deciding.methods.consensus import CODE, PAPER, consensus_values
from verigap.llm_validation.deciding.outcomes import outcomes_at
from verigap.llm_validation.deciding.selection import select
from verigap.llm_validation.pools import sample_pools

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
PACK = EXAMPLES / "humaneval_codegen16b.parquet"


@pytest.mark.parametrize("power", [0.0, CODE, PAPER])
def test_the_group_of_most_solutions_and_tests(power: float) -> None:
    rng = np.random.default_rng(2)
    right = rng.random((5, 6)) < 0.5
    # Which of three tests each solution passes; none is no answer.
    passed = rng.random((5, 6, 3)) < 0.5
    passed[0] = False
    answer = passed @ np.array([1, 2, 4]) - 1
    found = made(right, answer=answer, score=passed.mean(axis=2))
    sets = subsets(found, 4)
    values = consensus_values(found, sets, power)
    for prompt, value in enumerate(values):
        earned = []
        for members in sets.index[prompt]:
            groups = defaultdict(list)
            for member in members:
                groups[tuple(passed[prompt, member])].append(right[prompt, member])
            scores = {key: len(each) ** power * sum(key) for key, each in groups.items()}
            best = [
                np.mean(groups[k]) for k, s in scores.items() if s >= max(scores.values()) - 1e-9
            ]
            earned.append(np.mean(best))
        assert value == pytest.approx(np.mean(earned))


def test_an_answer_of_the_code_pack_is_the_set_of_tests_passed() -> None:
    rows = pl.read_parquet(PACK)
    answered = rows.filter(pl.col("answer").is_not_null())
    groups = answered.group_by("prompt_id", "answer").agg(
        pl.col("verifier_score").n_unique().alias("scores"), pl.col("verifier_score").min()
    )
    assert groups["scores"].max() == 1
    assert (groups["verifier_score"] > 0).all()
    assert not rows.filter(pl.col("answer").is_null(), pl.col("verifier_score") > 0).height


def test_on_code_it_is_the_vote_weighted_by_the_score_and_does_not_fall() -> None:
    (pools,) = sample_pools(read_traces(PACK), placed=False)
    found = outcomes_at(pools, None)
    chosen = select(found, labels=1, counts=(8, 32, 100), learn=False, seed=0)
    means = []
    for place, n in enumerate(chosen.counts):
        values = consensus_values(found, Candidates.of(found, n, seed=0), PAPER)
        np.testing.assert_allclose(values, chosen.values["accuracy"]["vote_score"][place])
        means.append(values.mean())
    assert means == pytest.approx([0.3365, 0.3702, 0.3654], abs=5e-5)
    # Of the authors' own groups, with tests as often as generated: 0.3726 in examples' source.
    root = consensus_values(found, Candidates.of(found, 100, seed=0), CODE)
    assert root.mean() == pytest.approx(0.3751, abs=5e-5)
