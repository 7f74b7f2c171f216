"""Numbers that independent prototypes found, by simulation (docs/theory.md, exact risks)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.statistics import Estimate, assert_same_mean
from verigap.sim.hard_prompts import hard_prompt_risks
from verigap.sim.relabelling.enumeration import enumerate_risks
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.plans import Plan
from verigap.sim.relabelling.simulate import Summary, simulate_cell
from verigap.theory import RewardLaw
from verigap.theory.arrays import host_array
from verigap.theory.lattices import label_lattice
from verigap.theory.risks.hard_prompts import (
    hard_prompt_mass,
    hard_prompts_vb_risk,
    hard_prompts_vf_risk,
)
from verigap.theory.risks.version_space import two_level_pessimistic_gain

pytestmark = pytest.mark.smoke

REPLICATES = 16_000
ATOMS = [0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0]


def make_game(
    atoms: list[float], log2_class_size: float, data_budget: int, radius: float, horizon: float
) -> RelabellingGame:
    def number(value: float) -> jax.Array:
        return jnp.asarray(value, float)

    return RelabellingGame(
        RewardLaw.equiprobable(jnp.asarray([atoms], float)),
        horizon=number(horizon),
        data_budget=number(data_budget),
        log2_class_size=number(log2_class_size),
        class_radius=number(radius),
        expert_radius=number(radius),
        leash=number(radius),
        num_candidates=number(4),
        failure_probability=number(0.05),
    )


def simulate(game: RelabellingGame, cells: int = 1 << 12, listed: int = 32) -> dict[str, Summary]:
    plan = Plan(tuple(LEARNERS), REPLICATES, cells, listed)
    return jax.device_get(_simulate(jax.random.key(7), game, plan))


_simulate = jax.jit(simulate_cell, static_argnames="plan")


def measured(summary: Summary) -> Estimate:
    return Estimate.from_variance(float(summary.mean), float(summary.variance), REPLICATES)


# (d, n, tilt, VF-Bayes risk and its standard error, VF-MLE risk), sigma = 1.
@pytest.mark.long
@pytest.mark.parametrize(
    ("log2_class_size", "data_budget", "tilt", "bayes", "mle"),
    [
        (10, 32, 0.292, Estimate(0.2037, 0.0004), 0.27422),
        (10, 128, 0.113, Estimate(0.0577, 0.0002), 0.10958),
        (12, 64, 0.223, Estimate(0.1668, 0.0003), 0.21473),
    ],
)
def test_two_level_risks(
    log2_class_size: int, data_budget: int, tilt: float, bayes: Estimate, mle: float
) -> None:
    game = make_game([1.0, 3.0], log2_class_size, data_budget, tilt**2, 4.0)
    summaries = simulate(game)
    # The prototype's number is printed to four digits.
    assert_same_mean(measured(summaries["vf-bayes"]), bayes, bias=5e-5, what="vf-bayes")
    cloned = summaries["vf-mle"]
    assert float(cloned.exact) == pytest.approx(mle, abs=6e-6)
    assert_same_mean(measured(cloned), float(cloned.exact), what="vf-mle")


def test_many_codewords_are_never_told_apart() -> None:
    summaries = simulate(make_game([1.0, 3.0], 40, 1000, 0.120**2, 4.0))
    cloned = summaries["vf-mle"]
    assert float(cloned.exact) == pytest.approx(0.11994, abs=6e-6)
    assert_same_mean(measured(cloned), float(cloned.exact), bias=1e-6, what="vf-mle")
    # VF-LOWER at this tilt, and the expert's gain, which a learner of nothing forgoes.
    assert 0.1188 <= summaries["vf-bayes"].mean <= 0.120


@pytest.mark.long
@pytest.mark.parametrize("radius", [0.2, 1.0, 7.0])
def test_closed_forms_of_a_law_with_ties(radius: float) -> None:
    game = make_game(ATOMS, 12, 6, radius, 16.0)
    summaries = simulate(game, cells=1 << 14, listed=16)
    for learner in ("vf-mle", "vb-plug-in", "vb-best-of-n"):
        summary = summaries[learner]
        assert_same_mean(measured(summary), float(summary.exact), bias=1e-3, what=learner)


def test_cloning_by_enumeration_equals_its_closed_form() -> None:
    game = make_game([1.0, 3.0], 6, 32, 0.3**2, 4.0)
    # It runs for longer than it compiles, so it is compiled with more care than the rest.
    enumerate_with_care = jax.jit(
        enumerate_risks,
        static_argnames=("learner", "log2_class_size", "traces", "replicates"),
        compiler_options={"xla_backend_optimization_level": 1},
    )
    plays = enumerate_with_care(
        jax.random.key(3),
        game,
        LEARNERS["vf-mle"],
        log2_class_size=6,
        traces=32,
        replicates=1 << 15,
    )
    assert_same_mean(Estimate.of(plays), float(simulate(game)["vf-mle"].exact), what="vf-mle")


@pytest.mark.parametrize(("log2_class_size", "data_budget"), [(8, 4), (12, 10), (12, 14), (60, 59)])
def test_pessimism_equals_its_closed_form(log2_class_size: int, data_budget: int) -> None:
    game = make_game([1.0, 3.0], log2_class_size, data_budget, 1.0, 4.0)
    # In NumPy, where nothing is compiled.
    known = jax.tree.map(host_array, game)
    gain = two_level_pessimistic_gain(
        known.data_budget, known.log2_class_size, known.law.sd[0], known.coverage
    )
    summary = simulate(game)["vb-pessimism"]
    assert_same_mean(
        measured(summary), float(known.expert_gain - gain), bias=1e-6, what="pessimism"
    )


@pytest.mark.long
def test_survivors_of_sparse_labels() -> None:
    # Labels 0 x 7 and 8 x 1, d = 8, n = 16: E[1/(S + 1)] = 0.596 by the prototype.
    game = make_game([0.0] * 7 + [8.0], 8, 16, 7.0, 8.0)
    summary = simulate(game, cells=1 << 14, listed=16)["vb-plug-in"]
    known = jax.tree.map(host_array, game)
    gain = float(known.expert_gain)
    exact = 1.0 - float(summary.exact) / gain
    assert exact == pytest.approx(0.596, abs=5e-4)
    share = measured(summary)
    assert_same_mean(
        Estimate(1.0 - share.mean / gain, share.error / gain), exact, bias=1e-4, what="E[1/(S + 1)]"
    )
    # One label keeps each of the 255 wrong codewords with probability 7/8 or 1/8.
    labels = label_lattice(known.law, host_array(1.0))
    assert float(labels.probabilities @ labels.values) == pytest.approx(
        7 / 8 * np.log(7 / 8) + 1 / 8 * np.log(1 / 8)
    )


@pytest.mark.long
def test_hard_prompts_favour_cloning() -> None:
    horizon, coverage, budget = (jnp.asarray(v, float) for v in (16.0, 0.1, 320.0))
    bits = jnp.asarray(8.0)
    risks = hard_prompt_risks(
        jax.random.key(0),
        horizon,
        coverage,
        bits,
        budget,
        replicates=30_000,
        most_prompts=16,
        most_traces=512,
    )
    mass = hard_prompt_mass(budget, coverage)
    verified = float(hard_prompts_vb_risk(horizon, budget, bits, coverage, mass))
    cloned = float(hard_prompts_vf_risk(horizon, budget, bits, mass))
    assert verified == pytest.approx(0.367, abs=5e-4)
    assert cloned == pytest.approx(0.0065, abs=1e-4)
    assert_same_mean(Estimate.of(risks["vb-hard-prompts"]), verified, what="VB")
    assert_same_mean(Estimate.of(risks["vf-hard-prompts"]), cloned, what="VF")
    assert_same_mean(Estimate.of(risks["vb-hard-prompts"]), Estimate(0.361, 0.003), what="VB")
    assert_same_mean(Estimate.of(risks["vf-hard-prompts"]), Estimate(0.0062, 0.0002), what="VF")
