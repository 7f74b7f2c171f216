"""No learner of the relabelling game uses the law of the prompts."""

import numpy as np
import pytest

from verigap.sim.relabelling import LEARNERS, RelabellingGame
from verigap.theory import RewardLaw
from verigap.theory.arrays import host_array

ROWS = [[0.0, 2.0, 8.0], [1.0, 1.0, 4.0]]


def game_on(rows: list[list[float]]) -> RelabellingGame:
    numbers = {
        "horizon": 8.0, "data_budget": 16.0, "log2_class_size": 4.0, "class_radius": 0.5,
        "expert_radius": 0.25, "leash": 0.1, "num_candidates": 4.0, "failure_probability": 0.05,
    }  # fmt: skip
    return RelabellingGame(
        law=RewardLaw.equiprobable(host_array(rows)),
        divergence="chi2",
        **{name: host_array(number) for name, number in numbers.items()},
    )


@pytest.mark.smoke
@pytest.mark.parametrize("leashed", [False, True])
@pytest.mark.parametrize("name", LEARNERS)
def test_the_policy_on_a_prompt_does_not_change_with_the_law(name: str, leashed: bool) -> None:
    # Prompts are equally likely, so that repeating one changes their law and nothing else.
    games = [game_on(ROWS), game_on([ROWS[0]] * 7 + [ROWS[1]]), game_on([ROWS[0], *[ROWS[1]] * 5])]
    # Columns of a fresh prompt, and an average of columns.
    for column in (ROWS[0], ROWS[1], [0.5, 1.5, 6.0]):
        believed = RewardLaw.equiprobable(host_array([column]))
        first, *others = (
            np.asarray(LEARNERS[name].policy(believed, game, leashed)) for game in games
        )
        for other in others:
            np.testing.assert_array_equal(first, other)


def test_coverage_depends_on_which_prompts_there_are_alone() -> None:
    one, many = game_on(ROWS), game_on([ROWS[0]] * 7 + [ROWS[1]])
    assert float(one.coverage) == float(many.coverage)
    assert float(one.expert_gain) != float(many.expert_gain)
