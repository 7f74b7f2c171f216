"""Which learners use the law of the prompts: rho is exchanged under the same labels."""

from dataclasses import fields, replace

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.token_mdp.oracles import SHAPES, instance_of
from verigap.sim.token_mdp.classes import class_returns
from verigap.sim.token_mdp.learners import (
    VERIFICATION_LEARNERS,
    CloningProblem,
    Labels,
    VerificationProblem,
)

UNUSED = [name for name, each in VERIFICATION_LEARNERS.items() if not each.uses_prompt_law]
USED = [name for name in VERIFICATION_LEARNERS if name not in UNUSED]
EVEN, SKEWED = (0.5, 0.5), (0.99, 0.01)


def problem_and_labels(seed: int) -> tuple[VerificationProblem, Labels]:
    instance = instance_of(seed, SHAPES[1])
    problem = VerificationProblem(
        instance.prompt_law, instance.base, instance.rewards, jnp.asarray(0.4), jnp.asarray(1.0)
    )
    # One trace of the first prompt: several rewards survive.
    prompts, traces = jnp.zeros(1, int), jnp.full(1, seed % instance.base.tree.traces)
    returns = class_returns(instance.rewards)[0, prompts, traces]
    return problem, Labels(prompts, traces, returns)


def played(name: str, seed: int, law: tuple[float, float]) -> np.ndarray:
    problem, labels = problem_and_labels(seed)
    policy = VERIFICATION_LEARNERS[name].policy(
        replace(problem, prompt_law=jnp.asarray(law)), labels
    )
    return np.asarray(policy.probabilities)


@pytest.mark.smoke
def test_who_says_so() -> None:
    assert USED == ["vb-pessimism", "vb-squared-loss"]
    assert UNUSED == ["vb-top-share", "vb-plug-in", "vb-best-of-n"]
    # A cloning learner cannot: its problem has no such field.
    assert {field.name for field in fields(CloningProblem)} == {"base", "candidates"}


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_the_policy_does_not_change_with_the_law(seed: int, share: float) -> None:
    for name in UNUSED:
        before, after = played(name, seed, EVEN), played(name, seed, (share, 1.0 - share))
        np.testing.assert_array_equal(before, after, err_msg=name)


@pytest.mark.parametrize("name", USED)
def test_the_policy_of_pessimism_does(name: str) -> None:
    moved = [
        np.abs(played(name, seed, EVEN) - played(name, seed, SKEWED)).max() for seed in range(12)
    ]
    assert max(moved) > 0.05
