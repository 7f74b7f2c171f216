"""The two back ends of the relabelling game agree for every learner.

The oracle enumerates codewords and pays raw returns of the true one; the other back end works by
sufficient statistics and pays averages over the posterior. They share the learners and nothing
else of note. The cases are keyed on the registry: a new learner is tested by being registered.
"""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from tests.statistics import Estimate, assert_same_mean
from verigap.sim.relabelling.enumeration import enumerate_risks
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners import LEARNERS, AveragingLearner
from verigap.sim.relabelling.plans import Plan
from verigap.sim.relabelling.simulate import Summary, simulate_cell
from verigap.theory import RewardLaw
from verigap.theory.balls import Divergence

pytestmark = pytest.mark.long

HORIZON = 16.0

# Three prompts each but for the two-level law, so that the laws share compiled programs.
TIES = [0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0]
LAWS = {
    "two-level": [[7.0, 9.0]],
    "ties": [TIES, TIES, TIES],
    "population": [TIES, [5.0] * 8, [0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 11.0, 13.0]],
    "sparse": [[0.0] * 7 + [16.0], [0.0] * 6 + [8.0, 16.0], [0.0] * 7 + [4.0]],
}


class Spec(NamedTuple):
    """A game by numbers, so that one simulation of it serves the tests of all learners."""

    law: str
    log2_class_size: int
    data_budget: int
    expert_radius: float
    class_radius: float
    divergence: Divergence = "chi2"

    @property
    def game(self) -> RelabellingGame:
        def number(value: float) -> jax.Array:
            return jnp.asarray(value, float)

        return RelabellingGame(
            RewardLaw.equiprobable(jnp.asarray(LAWS[self.law], float)),
            horizon=number(HORIZON),
            data_budget=number(self.data_budget),
            log2_class_size=number(self.log2_class_size),
            class_radius=number(self.class_radius),
            expert_radius=number(self.expert_radius),
            leash=number(0.1),
            num_candidates=number(3),
            failure_probability=number(0.05),
            divergence=self.divergence,
        )


# Expert radii from 1 on, or 7 on for an untied top, leave atoms with ratio 0: some traces then rule
# a codeword out for good.
GAMES = {
    "ties, weak expert": ("ties", 0.05, 1.0),
    "population with a point mass": ("population", 0.3, 1.0),
    "saturated expert": ("sparse", 7.0, 7.0),
}


# The oracle and populations run for longer than they compile, so they are compiled with more care
# than the rest.
CARE: dict[str, bool | int | str] = {"xla_backend_optimization_level": 1}
simulate = {
    False: jax.jit(simulate_cell, static_argnames="plan"),
    True: jax.jit(simulate_cell, static_argnames="plan", compiler_options=CARE),
}
oracle = jax.jit(
    enumerate_risks,
    static_argnames=("learner", "log2_class_size", "traces", "replicates", "leashed"),
    compiler_options=CARE,
)


@cache
def sufficient(spec: Spec, seed: int) -> tuple[dict[str, Summary], int]:
    """Summaries of all learners, and replicates. Class size and data budget are not static."""
    two_level = spec.law == "two-level"
    listed, replicates, chunk = (32, 32_000, 250) if two_level else (16, 4_000, 8)
    plan = Plan(tuple(LEARNERS), replicates, 1 << 12, listed, chunk)
    return simulate[not two_level](jax.random.key(seed), spec.game, plan), replicates


def compare(spec: Spec, learner: str, replicates: int, *, leashed: bool, seed: int) -> None:
    summaries, count = sufficient(spec, seed)
    summary = summaries[learner]
    mean = summary.leashed_mean if leashed else summary.mean
    variance = summary.leashed_variance if leashed else summary.variance
    plays = oracle(
        jax.random.key(seed + 1),
        spec.game,
        LEARNERS[learner],
        log2_class_size=spec.log2_class_size,
        traces=spec.data_budget,
        replicates=replicates,
        leashed=leashed,
    )
    assert_same_mean(
        Estimate.of(plays),
        Estimate.from_variance(float(mean), float(variance), count),
        # What the FFT lattice's splitting of values between cells may shift.
        bias=1e-5 * HORIZON,
        what=f"{learner}, leashed={leashed}",
    )


# One standard error of the oracle is sigma/sqrt(replicates). Replicates and traces are powers of
# two, so that no remainder of a batch is compiled as well. The next test has a class of 6 bits.
@pytest.mark.parametrize(
    ("log2_class_size", "data_budget", "tilt", "replicates"),
    [
        (2, 8, 0.3, 1 << 16),
        (10, 32, 0.292, 1 << 14),
        (12, 64, 0.223, 1 << 11),
    ],
)
def test_two_level_bayes_at_every_class_size(
    log2_class_size: int, data_budget: int, tilt: float, replicates: int
) -> None:
    spec = Spec("two-level", log2_class_size, data_budget, tilt**2, 1.0)
    compare(spec, "vf-bayes", replicates, leashed=False, seed=log2_class_size)


@pytest.mark.parametrize("learner", LEARNERS)
def test_two_level(learner: str) -> None:
    # Few labels or a strong tilt would leave nothing to learn, or nothing unlearnt.
    verifying = LEARNERS[learner].side == "verifier-based"
    data_budget, tilt = (4, 0.3) if verifying else (32, 0.3)
    spec = Spec("two-level", 6, data_budget, tilt**2, 0.5)
    compare(spec, learner, 1 << 15, leashed=False, seed=20)


@pytest.mark.parametrize("learner", LEARNERS)
def test_any_law(learner: str) -> None:
    # 63 wrong codewords, of which 16 are listed: the crowd matters.
    for seed, (law, expert_radius, class_radius) in enumerate(GAMES.values()):
        spec = Spec(law, 6, 4, expert_radius, class_radius)
        # Each game and leash is a program to compile. The leash is the same code for every law, so
        # one law whose prompts differ shows it.
        for leashed in (False, True) if law == "population" else (False,):
            compare(spec, learner, 1 << 14, leashed=leashed, seed=40 + 2 * seed)


@pytest.mark.parametrize("learner", ["vf-bayes", "vf-mle", "vb-pessimism"])
def test_gibbs_experts(learner: str) -> None:
    spec = Spec("population", 6, 4, 0.15, 0.5, "kl")
    compare(spec, learner, 1 << 14, leashed=True, seed=80)


@pytest.mark.parametrize("learner", ["vf-bayes", "vf-mle", "vb-pessimism"])
def test_one_trace(learner: str) -> None:
    # Where a single prompt is seen, wrong codewords' scores depend on one another through it. That
    # is about the evidence, so one learner of each use of it shows it.
    law, expert_radius, class_radius = GAMES["population with a point mass"]
    spec = Spec(law, 3, 1, expert_radius, class_radius)
    compare(spec, learner, 1 << 15, leashed=False, seed=62)


def test_every_learner_is_of_one_kind() -> None:
    for name, learner in LEARNERS.items():
        assert learner.name == name
        assert learner.side in {"verifier-free", "verifier-based"}
        commits = hasattr(learner, "log_choice")
        assert commits != isinstance(learner, AveragingLearner)


def test_enumeration_refuses_large_classes() -> None:
    with pytest.raises(ValueError, match="d = 12, not 13"):
        enumerate_risks(
            jax.random.key(0),
            Spec("two-level", 13, 8, 0.1, 1.0).game,
            LEARNERS["vf-mle"],
            log2_class_size=13,
            traces=8,
            replicates=4,
        )
