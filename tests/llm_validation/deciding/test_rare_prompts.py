"""How often a verdict is false where an arm loses on few prompts, at its true gain."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tests.llm_validation.deciding.made_outcomes import made
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.outcomes import Outcomes
from verigap.llm_validation.deciding.rule import Margin, decide
from verigap.llm_validation.deciding.selection import select

TABLES = 100
WORTH = Margin(value=0.05, source="given")


def misconceptions(rng: np.random.Generator, prompts: int) -> Outcomes:
    """Most votes are right; on 6.5 % of the prompts most samples give the same wrong answer.

    An exact check of 8 adds 5.3 points to the vote, more than the margin.
    """
    kind = rng.choice(3, prompts, p=[0.065, 0.6, 0.335])
    right = rng.random((prompts, 8)) < np.array([0.3, 0.8, 1.0])[kind][:, None]
    wrong = np.where(kind[:, None] == 0, 1, rng.integers(2, 99, right.shape))
    return made(right, answer=np.where(right, 0, wrong))


def inverted(rng: np.random.Generator, prompts: int) -> Outcomes:
    """A score is right but on 5 % of the prompts; it adds 5 points, which is the margin."""
    kinds = [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]
    kind = rng.choice(5, prompts, p=[0.35, 0.05, 0.25, 0.175, 0.175])
    right = np.array(kinds)[kind]
    known = np.isin(kind, (0, 1))[:, None]
    score = np.where(kind[:, None] == 1, 1 - right, right) * known
    return made(right, score=score.astype(float))


@pytest.mark.parametrize(
    ("draw", "plain", "other", "false"),
    [
        (misconceptions, ("single", "vote"), "exact", "suffices"),
        (inverted, ("single",), "best_score", "gains"),
    ],
)
@pytest.mark.parametrize("prompts", [25, 60])
def test_a_loss_on_rare_prompts_is_rarely_overlooked(
    draw: Callable[[np.random.Generator, int], Outcomes],
    plain: tuple[str, ...],
    other: str,
    false: str,
    prompts: int,
) -> None:
    wrong = 0
    for seed in range(TABLES):
        found = draw(np.random.default_rng([seed, prompts]), prompts)
        size = found.mask.shape[1]
        values = select(
            found, labels=4, num_candidates=size, counts=(size,), learn=False, seed=seed
        ).values["accuracy"]
        joint = JointMeans.of(
            {arm: each[0] for arm, each in values.items()}, most=1.0, seed=seed, highest="exact"
        )
        reward = found.rewards["accuracy"]
        mixed = int((np.ptp(reward, axis=1) > 0).sum())
        decision = decide(joint, plain, (other,), WORTH, mixed, ceiling="exact", highest="exact")
        wrong += decision.reason == false
    # 10 % are nominal; more than this has a probability of one in 10,000.
    assert wrong <= stats.binom.isf(1e-4, TABLES, 0.1)
