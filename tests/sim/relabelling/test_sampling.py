"""The sufficient statistics: order statistics of the ranks, and the crowd's conditional moments."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.statistics import Estimate, assert_fits, assert_same_mean
from verigap.sim.relabelling.game import RelabellingGame, stack_games
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.plans import Plan
from verigap.sim.relabelling.sampling import DemonstrationSampler, LabelSampler, top_log_ranks
from verigap.sim.relabelling.simulate import Summary, simulate_cells
from verigap.theory import RewardLaw
from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.lattices import label_lattice

DRAWS = 20_000


def keys(seed: int, count: int = DRAWS) -> jax.Array:
    return jax.random.split(jax.random.key(seed), count)


def ranks(log2_class_size: float, listed: int, seed: int = 0) -> np.ndarray:
    size = jnp.asarray(log2_class_size, float)
    return np.asarray(jax.vmap(lambda key: top_log_ranks(key, size, listed))(keys(seed)))


@pytest.mark.parametrize("log2_class_size", [3, 6, 12])
def test_ranks_are_order_statistics_of_uniforms(log2_class_size: int) -> None:
    wrong = 2**log2_class_size - 1
    drawn = np.exp(ranks(log2_class_size, 32))
    assert (np.diff(drawn[:, : min(wrong, 32)], axis=1) > 0).all()
    for position in {1, 2, min(wrong, 7), min(wrong, 32)}:
        law = stats.beta(position, wrong + 1 - position)
        fit = stats.kstest(drawn[:, position - 1], law.cdf)
        assert_fits(fit, f"rank {position} of {wrong}")
    # Spacings are exchangeable: the gap to the next rank has the law of the first rank.
    gap = stats.kstest(drawn[:, 1] - drawn[:, 0], stats.beta(1, wrong).cdf)
    assert_fits(gap.pvalue, "first spacing")


def test_all_codewords_are_listed_where_they_fit() -> None:
    drawn = ranks(3, 32)
    assert np.isfinite(drawn[:, :7]).all()
    assert (drawn[:, :7] < 0).all()
    assert np.isposinf(drawn[:, 7:]).all()


def test_ranks_of_huge_classes() -> None:
    drawn = ranks(200, 32)
    assert np.isfinite(drawn).all()
    # 2^200 times the smallest rank is standard exponential up to 2^-200.
    fit = stats.kstest(np.exp(drawn[:, 0] + 200 * np.log(2)), stats.expon.cdf)
    assert_fits(fit, "smallest of 2^200 ranks")


def demonstrations(sampler: DemonstrationSampler, key: jax.Array) -> tuple[jax.Array, ...]:
    """As a plain tuple: the fields' types are those of one data set, and these are many."""

    def draw(own_key: jax.Array) -> tuple[jax.Array, ...]:
        drawn = sampler(own_key)
        return drawn.log_likelihood, drawn.log_crowd, drawn.log_crowd_square, drawn.log_total

    return jax.jit(jax.vmap(draw))(key)


def codewords_by_force(
    log2_class_size: int, data_budget: int, tilt: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """log L of the true codeword, and of every wrong one."""
    random = np.random.default_rng(seed)
    wrong = random.binomial(data_budget, 0.5, (DRAWS, 2**log2_class_size - 1))
    true = random.binomial(data_budget, 0.5 * (1 + tilt), DRAWS)
    up, down = np.log1p(tilt), np.log1p(-tilt)

    def log_likelihood(agreements: np.ndarray) -> np.ndarray:
        return agreements * up + (data_budget - agreements) * down

    return log_likelihood(true), log_likelihood(wrong)


@pytest.mark.long
@pytest.mark.parametrize(("data_budget", "tilt"), [(16, 0.25), (64, 0.3), (8, 0.6)])
def test_demonstrations_match_brute_force(data_budget: int, tilt: float) -> None:
    size, listed = 8, 32
    lattice = two_level_lattice(
        jnp.asarray(float(data_budget)), jnp.asarray(tilt), jnp.asarray(float(size)), 128
    )
    sampler = DemonstrationSampler(lattice, jnp.asarray(float(size)), listed)
    listing, crowd, crowd_square, log_total = demonstrations(sampler, keys(1))
    true, wrong = codewords_by_force(size, data_budget, tilt, seed=2)
    total = np.logaddexp(true, np.logaddexp.reduce(wrong, axis=1))
    fit = stats.ks_2samp(np.asarray(log_total), total, method="asymp")
    assert_fits(fit, "log of the posterior's normaliser")
    top = np.asarray(jnp.max(listing[:, 1:], axis=-1))
    values = np.unique(np.round(wrong.max(axis=1), 9))
    tables = [[(np.abs(x - value) < 1e-6).sum() for value in values] for x in (top, wrong.max(1))]
    table = np.asarray(tables)[:, np.asarray(tables).sum(axis=0) >= 20]
    assert_fits(stats.chi2_contingency(table), "likeliest wrong codeword")
    # The crowd: what the 32 likeliest leave.
    rest = np.sort(wrong, axis=1)[:, :-listed]
    for moment, ours in ((1, crowd), (2, crowd_square)):
        theirs = np.exp(moment * rest).sum(axis=1)
        mine = np.exp(np.asarray(ours))
        assert_same_mean(Estimate.of(mine), Estimate.of(theirs), what=f"crowd, power {moment}")
        if moment == 1:
            spread = Estimate.of((mine - theirs.mean()) ** 2)
            other = Estimate.of((theirs - theirs.mean()) ** 2)
            assert_same_mean(spread, other, what="variance of the crowd's sum")


@pytest.mark.long
def test_the_crowd_is_empty_when_all_are_listed() -> None:
    lattice = two_level_lattice(jnp.asarray(16.0), jnp.asarray(0.3), jnp.asarray(4.0), 32)
    sampler = DemonstrationSampler(lattice, jnp.asarray(4.0), 32)
    listing, crowd, crowd_square, _ = demonstrations(sampler, keys(3, 500))
    assert np.isneginf(crowd).all()
    assert np.isneginf(crowd_square).all()
    assert (np.isfinite(listing).sum(axis=1) == 16).all()
    labels = label_lattice(RewardLaw.equiprobable(jnp.asarray([[0.0, 1.0]])), jnp.asarray(2.0), 64)
    sample = LabelSampler(labels, jnp.asarray(4.0), 32)
    assert (np.asarray(jax.vmap(lambda key: sample(key).crowd)(keys(4, 500))) == 0).all()


@pytest.mark.parametrize("data_budget", [1, 2, 4, 9])
def test_survivors_match_brute_force(data_budget: int) -> None:
    # Levels of probability 3/4 and 1/4; 1,023 wrong codewords, 32 listed.
    law = RewardLaw.equiprobable(jnp.asarray([[0.0, 0.0, 0.0, 1.0]]))
    labels = label_lattice(law, jnp.asarray(float(data_budget)), 1 << 12)
    sampler = LabelSampler(labels, jnp.asarray(10.0), 32)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: sampler(key).survivors))(keys(5))) - 1.0
    random = np.random.default_rng(6)
    rare = random.binomial(data_budget, 0.25, DRAWS)
    chance = 0.25**rare * 0.75 ** (data_budget - rare)
    counts = random.binomial(1023, chance)
    assert_same_mean(Estimate.of(drawn), Estimate.of(counts), bias=0.5, what="survivors")
    reciprocal = Estimate.of(1 / (drawn + 1))
    assert_same_mean(reciprocal, Estimate.of(1 / (counts + 1)), bias=2e-4, what="1/(S + 1)")
    # The lattice moves q by a part in a thousand, the crowd is a rounded normal: both far below
    # what this many draws can see.
    fit = stats.ks_2samp(drawn, counts, method="asymp")
    assert_fits(fit, "number of survivors")


def games(log2_class_size: float, data_budget: int = 64) -> RelabellingGame:
    return stack_games(
        [np.asarray([[7.0, 9.0]])],
        horizon=[16.0],
        data_budget=[float(data_budget)],
        log2_class_size=[log2_class_size],
        class_radius=[1.0],
        expert_radius=[0.04],
        leash=[0.04],
        num_candidates=[4.0],
        failure_probability=[0.05],
    )


@pytest.mark.long
def test_cost_does_not_depend_on_the_class() -> None:
    plan = Plan(tuple(LEARNERS), 64, 1 << 10, 16)
    start = jax.random.split(jax.random.key(0), 1)
    retraced = 0

    @partial(jax.jit, static_argnums=2)
    def run(keys: jax.Array, cells: RelabellingGame, plan: Plan) -> dict[str, Summary]:
        nonlocal retraced
        retraced += 1
        return simulate_cells(keys, cells, plan)

    with jax.checking_leaks():
        first = run(start, games(12.0), plan)
    for log2_class_size, data_budget in ((48.0, 64), (3.0, 64), (200.0, 1000), (0.5, 1)):
        summaries = run(start, games(log2_class_size, data_budget), plan)
        for summary in summaries.values():
            assert np.isfinite(np.asarray(summary.mean + summary.leashed_mean)).all()
    assert retraced == 1
    # The same work, not only the same program: nothing in it loops on a value.
    program = str(jax.make_jaxpr(simulate_cells, static_argnums=2)(start, games(12.0), plan))
    other = str(jax.make_jaxpr(simulate_cells, static_argnums=2)(start, games(48.0), plan))
    assert program == other
    assert set(first) == set(LEARNERS)
