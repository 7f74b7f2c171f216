"""The relabelling game written out as a token MDP has the risks that the closed forms say.

All data sets are enumerated, so there is no Monte Carlo error on this side.
"""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from itertools import permutations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.sim.token_mdp.oracles import best_share_value, data_sets
from tests.sim.token_mdp.play import cloned_values, verified_values
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.token_mdp.classes import class_log_laws, class_returns, expert_class
from verigap.sim.token_mdp.embedding import embedded_relabelling_game
from verigap.sim.token_mdp.experts import expert_coverage
from verigap.sim.token_mdp.learners import (
    VERIFICATION_LEARNERS,
    CloningProblem,
    VerificationProblem,
)
from verigap.sim.token_mdp.mdp import token_heterogeneity, trace_law
from verigap.sim.token_mdp.random_instances import TokenInstance
from verigap.theory import (
    RewardLaw,
    best_of_n_policy,
    chi2_ball_expert,
    conditional_policy,
    top_share_policy,
)
from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.lattices import label_lattice, likelihood_lattice
from verigap.theory.risks.version_space import plug_in_risk, two_level_pessimistic_gain
from verigap.theory.risks.vf_mle import vf_mle_risk


@dataclass(frozen=True)
class Case:
    """A game; `expert_radius` lies below the ceiling radius, so that tilts are affine."""

    returns: tuple[int, ...]
    log2_class_size: int
    horizon: int
    data_budget: int
    expert_radius: float
    chi2_radius: float

    @property
    def law(self) -> RewardLaw:
        return RewardLaw.equiprobable(jnp.asarray([self.returns], float))

    @property
    def game(self) -> RelabellingGame:
        numbers = {
            "horizon": self.horizon,
            "data_budget": self.data_budget,
            "log2_class_size": self.log2_class_size,
            "class_radius": self.chi2_radius,
            "expert_radius": self.expert_radius,
            "leash": self.expert_radius,
            "num_candidates": VERIFICATION_LEARNERS["vb-best-of-n"].samples,  # pyright: ignore[reportAttributeAccessIssue]
            "failure_probability": 0.05,
        }
        return RelabellingGame(
            self.law,
            **{name: jnp.asarray(v, float) for name, v in numbers.items()},
            divergence="chi2",
        )


TWO_1 = Case((0, 2), 1, 2, 4, 0.25, 0.5)
TWO_2 = Case((0, 2), 2, 2, 3, 0.25, 0.5)
THREE = Case((0, 0, 2), 1, 2, 2, 2 / 9, 1.0)
CASES = {"K=2, d=1": TWO_1, "K=2, d=2": TWO_2, "K=3, d=1": THREE}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@cache
def embedded(case: Case) -> TokenInstance:
    return embedded_relabelling_game(case.returns, case.log2_class_size, case.horizon)


def split(instance: TokenInstance, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    prompts, traces = np.divmod(outcomes, instance.base.tree.traces)
    return prompts, traces


@cache
def cloning_risks(case: Case) -> dict[str, float]:
    """Means over all sets of demonstrations by the first codeword's expert."""
    instance = embedded(case)
    experts = expert_class(instance.base, instance.rewards, case.expert_radius)
    law = np.exp(np.asarray(class_log_laws(experts))[0])
    joint = (np.asarray(instance.prompt_law)[:, None] * law).ravel()
    sets, chances = data_sets(joint, case.data_budget)
    np.testing.assert_allclose(chances.sum(), 1.0, atol=1e-12)
    problem = CloningProblem(instance.base, experts)
    prompts, traces = (jnp.asarray(part) for part in split(instance, sets))
    values = cloned_values(problem, instance, prompts, traces)
    expert = float(closed_forms(case)["expert value"])
    return {name: expert - float(chances @ np.asarray(v)) for name, v in values.items()}


@cache
def verification_risk(case: Case, name: str) -> float:
    """Mean over all sets of labelled base traces, against the demonstrating expert."""
    instance = embedded(case)
    coverage = expert_coverage(instance.base, instance.truth, case.chi2_radius).min()
    radius = jnp.asarray(case.chi2_radius, float)
    problem = VerificationProblem(
        instance.prompt_law, instance.base, instance.rewards, coverage, radius
    )
    joint = np.ravel(instance.prompt_law[:, None] * trace_law(instance.base))
    sets, chances = data_sets(joint, case.data_budget)
    learner = VERIFICATION_LEARNERS[name]
    values = verified_values(learner, problem, instance.truth, *split(instance, sets))
    return float(closed_forms(case)["expert value"]) - float(chances @ values)


@cache
def closed_forms(case: Case) -> dict[str, jax.Array]:
    return _closed_forms(case.game, len(case.returns) == 2)


@partial(jax.jit, static_argnames="two_level")
def _closed_forms(game: RelabellingGame, two_level: bool) -> dict[str, jax.Array]:
    """Risks by the names of the token MDP's learners, and the value they are measured against."""
    law, traces, size = game.law, game.data_budget, game.log2_class_size
    expert = chi2_ball_expert(law, game.expert_radius)
    if two_level:
        lattice = two_level_lattice(traces, jnp.sqrt(game.expert_radius), size, 64)
    else:
        lattice = likelihood_lattice(law, expert.density_ratio, traces[None], 1 << 12)
    played = {
        "vb-plug-in": conditional_policy(law, chi2_ball_expert(law, game.class_radius).value),
        "vb-top-share": top_share_policy(law, game.coverage),
        "vb-best-of-n": best_of_n_policy(law, game.num_candidates),
    }
    labels = label_lattice(law, traces, 1 << 12)
    risks = {
        name: plug_in_risk(
            labels, size, game.expert_gain, jnp.sum(law.expectation(ratio) - law.mean)
        )
        for name, ratio in played.items()
    }
    if two_level:
        pessimistic = two_level_pessimistic_gain(traces, size, law.sd[0], game.coverage)
        risks["vb-pessimism"] = game.expert_gain - pessimistic
    risks["vf-mle"] = vf_mle_risk(lattice, size, game.expert_gain)
    return risks | {"expert value": expert.value[0]}


def slack(case: Case) -> float:
    """What the FFT lattice's splitting of values between cells may shift."""
    return 1e-9 if len(case.returns) == 2 else 1e-4


@pytest.mark.smoke
@cases
def test_the_embedded_game_is_the_game(case: Case) -> None:
    instance = embedded(case)
    size = 2**case.log2_class_size
    # Every prompt has the game's reward law under every codeword; rewards are bi-level by type.
    counts = [case.returns.count(r) / len(case.returns) for r in range(case.horizon + 1)]
    law = np.asarray(trace_law(instance.base))
    returns = np.asarray(class_returns(instance.rewards))
    for paid, expected in enumerate(counts):
        mass = np.sum(law * (returns == paid), axis=-1)
        np.testing.assert_allclose(mass, expected, atol=1e-12)
    # Codewords relabel independently: (F1) of docs/theory.md.
    score = (returns - float(case.law.mean[0])) / float(case.law.sd[0])
    joint = np.asarray(instance.prompt_law)[:, None] * law
    gram = np.einsum("jxt,kxt,xt->jk", score, score, joint)
    np.testing.assert_allclose(gram, np.eye(size), atol=1e-12)
    # The first token fixes the return, so any reference policy gives the same heterogeneity.
    expert = expert_class(instance.base, instance.rewards, case.expert_radius)
    last = jax.tree.map(lambda rows: rows[-1], expert)
    spread = token_heterogeneity(instance.base, last, instance.truth)
    np.testing.assert_allclose(spread, float(case.law.variance[0]), atol=1e-12)


@cases
def test_maximum_likelihood(case: Case) -> None:
    closed = float(closed_forms(case)["vf-mle"])
    assert cloning_risks(case)["vf-mle"] == pytest.approx(closed, abs=slack(case))


def argmax_mean(scores: list[Fraction], gains: list[Fraction]) -> Fraction:
    """Mean gain over the places of the largest score."""
    best = [g for s, g in zip(scores, gains, strict=True) if s == max(scores)]
    return sum(best, Fraction(0)) / len(best)


@cache
def played_out(case: Case) -> dict[str, float]:
    """Mean values by the game's own definition: levels seen, then a fresh column, no prompts."""
    returns = [Fraction(r) for r in case.returns]
    traces, size = len(returns), 2**case.log2_class_size
    mean = sum(returns, Fraction(0)) / traces
    spread = sum(((r - mean) ** 2 for r in returns), Fraction(0)) / traces
    slope = Fraction((case.expert_radius / float(spread)) ** 0.5).limit_denominator(1000)
    tilt = {r: 1 + slope * (r - mean) for r in returns}
    # Laws of what the data say: the likelihood of every codeword, and who survives the labels.
    likelihoods: dict[tuple, Fraction] = {(Fraction(1),) * size: Fraction(1)}
    survivors: dict[tuple, Fraction] = {(True,) * size: Fraction(1)}
    for _ in range(case.data_budget):
        demonstrated, labelled = defaultdict(Fraction), defaultdict(Fraction)
        for levels in product(returns, repeat=size):
            chance = Fraction(1, traces**size)
            for before, p in likelihoods.items():
                after = tuple(b * tilt[r] for b, r in zip(before, levels, strict=True))
                demonstrated[after] += p * chance * tilt[levels[0]]
            for before, p in survivors.items():
                after = tuple(b and r == levels[0] for b, r in zip(before, levels, strict=True))
                labelled[after] += p * chance
        likelihoods, survivors = dict(demonstrated), dict(labelled)
    values = dict.fromkeys(("vf-mle", "vf-bayes", "vf-bayes-mode", "vb-pessimism"), Fraction(0))
    expert = sum((tilt[r] * r for r in returns), Fraction(0)) / traces
    columns = list(product(permutations(returns), repeat=size))
    even = [Fraction(1, traces)] * traces
    share = Fraction(float(case.game.coverage))
    for likelihood, p in likelihoods.items():
        tied = [j for j in range(size) if likelihood[j] == max(likelihood)]
        right = Fraction(0 in tied, len(tied))
        values["vf-mle"] += p * (right * expert + (1 - right) * mean)
        trust = likelihood[0] / sum(likelihood, Fraction(0))
        values["vf-bayes"] += p * (trust * expert + (1 - trust) * mean)
        for column in columns:
            hoped = [
                sum((w * tilt[c[i]] for w, c in zip(likelihood, column, strict=True)), Fraction(0))
                for i in range(traces)
            ]
            values["vf-bayes-mode"] += p * argmax_mean(hoped, list(column[0])) / len(columns)
    for alive, p in survivors.items():
        for column in columns:
            kept = [c for c, ok in zip(column, alive, strict=True) if ok]
            average = [sum((c[i] for c in kept), Fraction(0)) / len(kept) for i in range(traces)]
            best = best_share_value(even, average, share)
            values["vb-pessimism"] += p * best / len(columns)
    return {name: float(v) for name, v in values.items()}


@cases
@pytest.mark.parametrize("name", ["vf-mle", "vf-bayes", "vf-bayes-mode", "vb-pessimism"])
def test_against_the_game_played_out_without_prompts(case: Case, name: str) -> None:
    risk = verification_risk(case, name) if name.startswith("vb") else cloning_risks(case)[name]
    expert = float(closed_forms(case)["expert value"])
    assert expert - risk == pytest.approx(played_out(case)[name], abs=1e-9)


@cases
@pytest.mark.parametrize("name", ["vb-plug-in", "vb-top-share", "vb-best-of-n"])
def test_learners_that_trust_a_survivor(case: Case, name: str) -> None:
    closed = float(closed_forms(case)[name])
    assert verification_risk(case, name) == pytest.approx(closed, abs=slack(case))


@pytest.mark.parametrize("case", [TWO_1, TWO_2], ids=["d=1", "d=2"])
def test_pessimism_with_two_traces(case: Case) -> None:
    for name in ("vb-pessimism", "vb-squared-loss"):
        # One wrong label costs 1/n, more than the tolerance: the version spaces are the same.
        closed = float(closed_forms(case)["vb-pessimism"])
        assert verification_risk(case, name) == pytest.approx(closed, abs=1e-9)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r"returns \[0, 3\] are not all in 0\.\.2"):
        embedded_relabelling_game((0, 3), 1, 2)
    with pytest.raises(ValueError, match="3 traces and 8 codewords need more than 4096 prompts"):
        embedded_relabelling_game((0, 1, 2), 3, 2)
    with pytest.raises(ValueError, match="2 traces and 32 codewords"):
        embedded_relabelling_game((0, 1), 5, 2)
