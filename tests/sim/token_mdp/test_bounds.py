"""VF-UPPER and the VB-UPPER family on random instances: arbitrary policies, rewards and prompts.

On tiny instances every data set is enumerated, so that the probability of a violation is exact; on
larger ones its frequency is compared with delta. The comparison is with the best expert of the
ball, which is the hardest.
"""

from dataclasses import fields, is_dataclass
from functools import partial
from math import exp, log, log2, sqrt
from typing import get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special, stats

from tests.sim.token_mdp.oracles import data_sets, instance_of
from tests.sim.token_mdp.play import exceedance, verified_values
from tests.statistics import assert_fits
from verigap.sim.token_mdp.classes import class_returns, class_values, expert_class, policy_class
from verigap.sim.token_mdp.experts import expert_coverage, token_expert
from verigap.sim.token_mdp.learners import (
    CLONING_LEARNERS,
    VERIFICATION_LEARNERS,
    CloningProblem,
    Demonstrations,
    VerificationProblem,
)
from verigap.sim.token_mdp.learners.vb_best_of_n import VBBestOfN
from verigap.sim.token_mdp.learners.vb_pessimism import VBPessimism
from verigap.sim.token_mdp.learners.vb_squared_loss import VBSquaredLoss, squared_error_budget
from verigap.sim.token_mdp.learners.vb_top_share import VBTopShare
from verigap.sim.token_mdp.learners.vf_mle import VFMLE
from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward, return_law, trace_law
from verigap.sim.token_mdp.random_instances import TokenInstance, random_policy
from verigap.sim.token_mdp.traces import draw_traces
from verigap.sim.token_mdp.tree import TokenTree
from verigap.theory.bounds import BOUNDS, Setting

TINY, LARGER = (2, 2, 2), (2, 3, 3)
MEMBERS = 4

seeds = st.integers(0, 2**32 - 1)
radii = st.sampled_from([0.2, 1.0, 4.0])
deltas = st.sampled_from([0.05, 0.3, 0.7])
budgets = st.sampled_from([2, 5])


@jax.jit
def facts(instance: TokenInstance, radius: float) -> dict[str, jax.Array]:
    """Everything about an instance that the bounds need."""
    rho = instance.prompt_law
    expert = token_expert(instance.base, instance.truth, radius)
    law = return_law(instance.base, instance.truth)
    return {
        "value": jnp.sum(rho * expert.value),
        "sd": jnp.sqrt(jnp.sum(rho * expert.variance)),
        "mean max": jnp.max(expert.value),
        "coverage": jnp.min(expert_coverage(instance.base, instance.truth, radius)),
        "expert": rho[:, None] * trace_law(expert.policy),
        "base": rho[:, None] * trace_law(instance.base),
        "support": law.support,
        "law": law.probabilities,
    }


@partial(jax.jit, static_argnames="name")
def bound(
    name: str, fact: dict, instance: TokenInstance, traces, delta, radius, num_candidates
) -> jax.Array:
    law = return_law(instance.base, instance.truth)
    size = log2(instance.rewards.correct.shape[0])
    kappa = jnp.asarray(radius, float)
    setting = Setting(
        horizon=jnp.asarray(instance.base.tree.horizon, float),
        data_budget=jnp.asarray(traces, float),
        log2_class_size=jnp.asarray(size, float),
        failure_probability=jnp.asarray(delta, float),
        law=law,
        class_radius=kappa,
        expert_radius=kappa,
        coverage=fact["coverage"],
        expert_sd=fact["sd"],
        expert_mean_max=fact["mean max"],
        num_candidates=jnp.asarray(num_candidates, float),
        label_error=jnp.zeros(()),
        label_noise=jnp.zeros(()),
        reward_error=jnp.zeros(()),
        misspecification=jnp.zeros(()),
        game="other",
    )
    return BOUNDS[name].value(setting)


@jax.jit
def choices(problem: CloningProblem, prompts: jax.Array, traces: jax.Array) -> jax.Array:
    return jax.vmap(lambda x, t: VFMLE().choice(problem, Demonstrations(x, t)))(prompts, traces)


def cloning_losses(instance, candidates, fact, prompts, traces) -> tuple[np.ndarray, np.ndarray]:
    """Of the worst likeliest candidate, and on average over the likeliest, for each data set."""
    problem = CloningProblem(instance.base, candidates)
    weights = np.asarray(choices(problem, jnp.asarray(prompts), jnp.asarray(traces)))
    values = class_values(candidates, instance.truth) @ instance.prompt_law
    losses = float(fact["value"]) - np.asarray(values)
    return np.where(weights > 0, losses, -np.inf).max(-1), weights @ losses


def cloning_candidates(
    instance: TokenInstance, radius: float, seed: int, arbitrary: bool
) -> TokenPolicy:
    """The expert first, then the experts of other rewards or arbitrary policies."""
    if not arbitrary:
        return expert_class(instance.base, instance.rewards, radius)
    generator, tree = np.random.default_rng(seed), instance.base.tree
    others = [
        random_policy(generator, instance.prompt_law.shape[0], tree) for _ in range(MEMBERS - 1)
    ]
    return policy_class([token_expert(instance.base, instance.truth, radius).policy, *others])


@given(seeds, radii, deltas, budgets, st.booleans())
def test_vf_upper_with_every_set_of_demonstrations(seed, radius, delta, traces, arbitrary):
    instance = instance_of(seed, TINY, MEMBERS)
    fact = facts(instance, radius)
    candidates = cloning_candidates(instance, radius, seed, arbitrary)
    sets, chances = data_sets(np.ravel(fact["expert"]), traces)
    # Impossible outcomes are left out, so pad to one shape for all instances.
    short = 8 * 9 // 2 if traces == 2 else 792
    padded = np.vstack([sets, np.repeat(sets[:1], max(0, short - len(sets)), axis=0)])
    worst, average = cloning_losses(instance, candidates, fact, *np.divmod(padded, 4))
    worst, average = worst[: len(sets)], average[: len(sets)]
    limit = float(bound("VF-UPPER", fact, instance, traces, delta, radius, 1.0))
    assert chances[worst > limit + 1e-9].sum() <= delta + 1e-9
    limit = float(bound("VF-UPPER-EXPECTATION", fact, instance, traces, delta, radius, 1.0))
    assert chances @ average <= limit + 1e-9
    assert chances @ worst <= limit + 1e-9


def problem_of(instance: TokenInstance, fact: dict, radius: float) -> VerificationProblem:
    kappa = jnp.asarray(radius, float)
    return VerificationProblem(
        instance.prompt_law, instance.base, instance.rewards, fact["coverage"], kappa
    )


def squared_bound(fact: dict, instance: TokenInstance, tolerance: float, traces, delta) -> float:
    """H sqrt(z/c0), z the largest mean of kl at most ln(rivals/delta)/n from the tolerance."""
    rivals = instance.rewards.correct.shape[0] - 1
    budget = squared_error_budget(tolerance, log(rivals / delta), traces)
    return instance.base.tree.horizon * sqrt(budget / float(fact["coverage"]))


@given(seeds, radii, deltas, budgets)
def test_vb_upper_with_every_set_of_labels(seed, radius, delta, traces):
    instance = instance_of(seed, TINY, MEMBERS)
    fact = facts(instance, radius)
    problem = problem_of(instance, fact, radius)
    sets, chances = data_sets(np.ravel(fact["base"]), traces)

    def losses(learner):
        values = verified_values(learner, problem, instance.truth, *np.divmod(sets, 4))
        return float(fact["value"]) - values

    def limit(name):
        return float(bound(name, fact, instance, traces, delta, radius, 4.0)) + 1e-9

    pessimistic, trusting = losses(VBPessimism()), losses(VBTopShare())
    assert chances[pessimistic > limit("VB-UPPER-SQUARED")].sum() <= delta + 1e-9
    for lost in (pessimistic, trusting):
        assert chances[lost > limit("VB-UPPER")].sum() <= delta + 1e-9
        assert chances @ lost <= limit("VB-UPPER-EXPECTATION")
    assert chances @ losses(VBBestOfN(4)) <= limit("VB-UPPER-BEST-OF-N")
    for tolerance in (0.0, 0.1):
        lost = losses(VBSquaredLoss(tolerance))
        over = lost > squared_bound(fact, instance, tolerance, traces, delta) + 1e-9
        assert chances[over].sum() <= delta + 1e-9


# Instances whose experts' returns vary and whose coverage is large, so that all bounds lie below H.
@pytest.mark.parametrize("seed", [1013, 1018, 1019, 1026, 1033, 1039])
def test_frequencies_on_larger_instances(seed):
    radius, delta, sets = 0.1, 0.2, 400
    instance = instance_of(seed, LARGER, 8)
    fact = facts(instance, radius)
    rho, generator = instance.prompt_law, np.random.default_rng(seed)
    horizon = instance.base.tree.horizon
    conditional = [fact[name] / rho[:, None] for name in ("expert", "base")]
    demonstrated = draw_traces(generator, rho, conditional[0], (sets, 128))
    candidates = expert_class(instance.base, instance.rewards, radius)
    worst, _ = cloning_losses(instance, candidates, fact, *demonstrated)
    limit = float(bound("VF-UPPER", fact, instance, 128, delta, radius, 1.0))
    assert limit < horizon / 4
    assert_fits(exceedance(worst, limit, delta), "VF-UPPER")
    problem = problem_of(instance, fact, radius)
    labelled = draw_traces(generator, rho, conditional[1], (sets, 12))
    limit = float(bound("VB-UPPER", fact, instance, 12, delta, radius, 1.0))
    assert limit < horizon
    for learner in (VBPessimism(), VBTopShare()):
        values = verified_values(learner, problem, instance.truth, *labelled)
        assert_fits(exceedance(float(fact["value"]) - values, limit, delta), learner.name)
    for tolerance in (0.0, 0.02):
        learner = VBSquaredLoss(tolerance)
        values = verified_values(learner, problem, instance.truth, *labelled)
        limit = squared_bound(fact, instance, tolerance, 12, delta)
        assert_fits(exceedance(float(fact["value"]) - values, limit, delta), learner.name)


def test_a_quarter_of_vf_upper_is_violated():
    """A fair expert against one that errs more often: the check can tell."""
    tree = TokenTree(2, 1)
    fair, shy = (TokenPolicy.checked(np.array([[[1 - p, p]]])) for p in (0.5, 0.2))
    truth = TokenReward.checked(np.array([[[False, True]]]))
    instance = TokenInstance(jnp.ones(1), fair, TokenReward(jnp.stack([truth.correct] * 2)))
    fact = facts(instance, 0.0)
    sets, chances = data_sets(np.array([0.5, 0.5]), 20)
    losses, _ = cloning_losses(instance, policy_class([fair, shy]), fact, np.zeros_like(sets), sets)
    assert tree.traces == 2
    limit = float(bound("VF-UPPER", fact, instance, 20, 0.05, 0.0, 1.0))
    assert chances[losses > limit].sum() <= 0.05
    assert chances[losses > limit / 4].sum() > 0.05


def rare_instance() -> TokenInstance:
    """Two rare first tokens, of which one pays; the other reward says it is the other one."""
    tree = TokenTree(4, 2)
    rows = np.full((1, tree.states, 4), 0.25)
    rows[0, 0] = [0.05, 0.05, 0.45, 0.45]
    correct = np.zeros((2, 1, tree.states, 4), bool)
    for member in (0, 1):
        correct[member, 0, 0, member] = True
        correct[member, 0, 1 + member] = True
    return TokenInstance(jnp.ones(1), TokenPolicy.checked(rows), TokenReward.checked(correct))


def test_vb_upper_without_coverage_is_violated():
    instance, radius, delta, traces = rare_instance(), 19.0, 0.3, 10
    fact = facts(instance, radius)
    assert float(fact["coverage"]) == pytest.approx(0.05)
    generator = np.random.default_rng(0)
    labelled = draw_traces(generator, instance.prompt_law, fact["base"], (4000, traces))
    values = verified_values(
        VBPessimism(), problem_of(instance, fact, radius), instance.truth, *labelled
    )
    losses = float(fact["value"]) - values
    limit = float(bound("VB-UPPER", fact, instance, traces, delta, radius, 1.0))
    assert_fits(exceedance(losses, limit, delta), "VB-UPPER")
    # P(neither rare token is seen) = 0.9^10 = 0.35; hedging then costs H/2.
    assert exceedance(losses, limit * 0.05, delta) < 1e-6


@given(st.sampled_from([0.0, 0.001, 0.1, 0.9]), st.floats(0.0, 50.0), st.integers(1, 1000))
def test_squared_error_budget(tolerance, log_class_over_delta, traces):
    z = squared_error_budget(tolerance, log_class_over_delta, traces)
    allowed = log_class_over_delta / traces
    assert tolerance <= z <= 1.0

    def entropy(at):
        return special.rel_entr(tolerance, at) + special.rel_entr(1 - tolerance, 1 - at)

    assume(z < 1.0 - 1e-6)
    assert entropy(z * (1 + 1e-9) + 1e-12) >= allowed * (1 - 1e-9)
    assert entropy(max(tolerance, z * (1 - 1e-9) - 1e-12)) <= allowed * (1 + 1e-9) + 1e-15


@pytest.mark.parametrize("tolerance", [0.0, 0.05, 0.3])
def test_the_squared_loss_concentrates_as_proved(tolerance):
    """P(Binomial(n, z)/n <= beta) <= e^{-n kl(beta || z)}, the worst case of a [0, 1] variable."""
    for traces in (5, 40):
        for level in (0.5, 2.0, 6.0):
            z = squared_error_budget(tolerance, level, traces)
            assert stats.binom.cdf(np.floor(tolerance * traces + 1e-9), traces, z) <= exp(
                -level
            ) * (1 + 1e-6)


def test_a_larger_tolerance_keeps_more_rewards():
    with pytest.raises(ValueError, match=r"tolerance is 1\.0, not in"):
        VBSquaredLoss(1.0)
    with pytest.raises(ValueError, match="tolerance is -0"):
        VBSquaredLoss(-0.1)
    # The rival errs by H on one label of four: 1/4 of H^2 on average.
    instance = rare_instance()
    fact = facts(instance, 19.0)
    returns = np.asarray(class_returns(instance.rewards))[:, 0]
    assert returns[0, :4].tolist() == [2, 2, 2, 2]
    prompts, traces = np.zeros((1, 4), int), np.array([[0, 15, 14, 13]])
    problem = problem_of(instance, fact, 19.0)
    strict = verified_values(VBSquaredLoss(0.2), problem, instance.truth, prompts, traces)
    loose = verified_values(VBSquaredLoss(0.25), problem, instance.truth, prompts, traces)
    assert strict == pytest.approx(2.0)
    assert loose == pytest.approx(1.0)


def reachable_types(kind: type, seen: set | None = None) -> set:
    seen = set() if seen is None else seen
    if kind not in seen:
        seen.add(kind)
        if is_dataclass(kind):
            hints = get_type_hints(kind)
            for field in fields(kind):
                reachable_types(hints[field.name], seen)
    return seen


@pytest.mark.smoke
def test_no_reward_reaches_a_cloning_learner():
    for name, learner in CLONING_LEARNERS.items():
        assert learner.name == name
        hints = get_type_hints(type(learner).policy)
        assert hints["problem"] is CloningProblem
        assert hints["seen"] is Demonstrations
    inputs = reachable_types(CloningProblem) | reachable_types(Demonstrations)
    assert TokenReward not in inputs
    assert {f.name for f in fields(Demonstrations)} == {"prompts", "traces"}
    assert {f.name for f in fields(CloningProblem)} == {"base", "candidates"}
    assert TokenReward in reachable_types(VerificationProblem)
    for name, learner in VERIFICATION_LEARNERS.items():
        assert learner.name == name
