"""The relabelling prediction against the game played plainly, and against closed forms."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.statistics import Estimate, assert_same_mean
from verigap.llm_validation.intervals import Resampler
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.predicting.bounds import bounds_beside
from verigap.llm_validation.predicting.draws import Assumptions, resampled_means, statistic
from verigap.llm_validation.predicting.group_laws import GroupLaws, padded_law
from verigap.llm_validation.predicting.relabelling import (
    cloning_shares,
    horizon_gains,
    predicted_draws,
    share_curves,
)
from verigap.storage.units import LengthUnit
from verigap.theory import RewardLaw, chi2_ball_expert
from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.risks.vf_mle import probability_correct

HORIZON = 16
# An easy prompt, a hard one, one that is never solved; four equally likely traces each.
POPULATION = [[0.0, 8.0, 8.0, 16.0], [0.0, 0.0, 0.0, 12.0], [0.0, 0.0, 0.0, 0.0]]


def assumed(
    chi2_radius: float,
    log2_class_size: float,
    num_candidates: int,
    false_positive: float = 0.0,
    false_negative: float = 0.0,
) -> Assumptions:
    return Assumptions(
        leash=Leash("chi2", chi2_radius),
        log2_class_size=log2_class_size,
        num_candidates=num_candidates,
        false_positive=false_positive,
        false_negative=false_negative,
    )


def group(rows: list[list[float]], horizon: int = HORIZON) -> GroupLaws:
    distinct = [sorted(set(row)) for row in rows]
    chances = [
        [row.count(value) / len(row) for value in kept]
        for row, kept in zip(rows, distinct, strict=True)
    ]
    law = padded_law(distinct, chances, horizon)
    names = tuple(str(index) for index in range(len(rows)))
    return GroupLaws(
        dataset="d",
        model="m",
        unit=LengthUnit.TOKENS,
        prompt_ids=names,
        samples=len(rows[0]),
        laws={horizon: law},
        longest=horizon,
    )


def played(
    size: int, n: int, radius: float, repeats: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Whether MLE picks the true one of 2^size codewords, and one over the survivors of n labels.

    Every codeword relabels the four traces of a prompt afresh for every trace that is drawn, which
    is what fresh prompts of each kind do.
    """
    rng = np.random.default_rng(seed)
    rows = np.array(POPULATION)
    ratio = np.asarray(
        chi2_ball_expert(RewardLaw.equiprobable(jnp.asarray(rows)), radius).density_ratio
    )
    words = 1 << size

    def columns() -> tuple[np.ndarray, np.ndarray]:
        prompt = rng.integers(0, len(rows), (repeats, n))
        order = rng.random((repeats, n, words, 4)).argsort(axis=-1)
        return prompt, order

    prompt, order = columns()
    # The true codeword is the first: the expert draws a place by its column.
    true = ratio[prompt[:, :, None], order[:, :, 0]] / 4
    cumulative = true.cumsum(axis=-1)
    place = (cumulative < rng.random((repeats, n, 1)) * cumulative[..., -1:]).sum(axis=-1)
    weight = ratio[prompt[:, :, None], np.take_along_axis(order, place[..., None, None], 3)[..., 0]]
    with np.errstate(divide="ignore"):
        score = np.log(weight).sum(axis=1)
    tied = np.isclose(score, score.max(axis=1, keepdims=True), atol=1e-9)
    right = tied[:, 0] / tied.sum(axis=1)
    prompt, order = columns()
    place = rng.integers(0, 4, (repeats, n, 1, 1))
    label = rows[prompt[:, :, None], np.take_along_axis(order, place, 3)[..., 0]]
    agrees = (label == label[:, :, :1]).all(axis=1)
    return right, 1.0 / agrees.sum(axis=1)


@pytest.mark.long
@pytest.mark.parametrize(("size", "n", "radius"), [(3, 6, 0.5), (5, 20, 1.0)])
def test_shares_of_the_game_played_plainly(size: int, n: int, radius: float) -> None:
    right, kept = played(size, n, radius, 8_000, seed=size)
    law = group(POPULATION).laws[HORIZON]
    curves = share_curves(law, assumed(radius, float(size), 4), [n])
    # The data sets kept for cloning stand for all, up to a few thousandths.
    for learner, draws, bias in (("vf-mle", right, 0.006), ("vb-best-of-n", kept, 1e-3)):
        share = float(curves.at(learner, np.array([float(n)]))[0])
        assert_same_mean(Estimate.of(draws), share, bias=bias, what=learner)
    assert cloning_shares(law, Leash("chi2", radius), n, [float(size)])[0] == pytest.approx(
        float(curves.at("vf-mle", np.array([float(n)]))[0]), abs=1e-12
    )


@pytest.mark.parametrize("leash", [Leash("chi2", 0.5), Leash("kl", 0.3)])
def test_few_and_many_class_sizes_are_computed_alike(leash: Leash) -> None:
    law = group(POPULATION).laws[HORIZON]
    sizes = np.linspace(0.5, 12.0, 17).tolist()
    compiled = cloning_shares(law, leash, 12, sizes)
    few = [share for size in sizes for share in cloning_shares(law, leash, 12, [size])]
    assert min(few) < 0.1 < 0.9 < max(few)
    np.testing.assert_allclose(few, compiled, rtol=0, atol=1e-12)


def test_one_prompt_is_a_closed_form() -> None:
    law = group([[0.0, 16.0]]).laws[HORIZON]
    for n, size, tilt in ((32, 10.0, 0.292), (128, 10.0, 0.113), (400, 20.0, 0.3)):
        lattice = two_level_lattice(
            jnp.asarray(float(n)), jnp.asarray(tilt), jnp.asarray(size), 1 << 10
        )
        exact = float(probability_correct(lattice, jnp.asarray(size)))
        assert cloning_shares(law, Leash("chi2", tilt**2), n, [size])[0] == pytest.approx(
            exact, abs=1e-3
        )


@pytest.mark.parametrize("survivors", [1, 2, 5, 20])
def test_what_several_codewords_leave(survivors: int) -> None:
    # The best of the ball for the mean of some fresh columns of many traces.
    rng = np.random.default_rng(survivors)
    row = np.array([0.0] * 450 + [16.0] * 150)
    columns = np.stack([rng.permuted(np.tile(row, (40, 1)), axis=1) for _ in range(survivors)])
    believed = RewardLaw.equiprobable(jnp.asarray(columns.mean(axis=0)))
    gain = np.asarray(chi2_ball_expert(believed, 1.0).value) - row.mean()
    whole = float(chi2_ball_expert(RewardLaw.equiprobable(jnp.asarray(row)), 1.0).value)
    formula = min(whole - row.mean(), row.std() / survivors**0.5)
    # Exact with endless traces while the ceiling is attained; else a little above.
    assert gain.mean() <= formula * 1.02
    assert gain.mean() == pytest.approx(formula, rel=0.05)


@pytest.mark.long
@settings(max_examples=15)
@given(st.floats(0.05, 2.0), st.floats(1.0, 60.0), st.floats(0.0, 1.0), st.sampled_from([1, 4, 16]))
def test_shares_and_reach_stay_in_range(
    radius: float, size: float, wrong: float, candidates: int
) -> None:
    made = group(POPULATION)
    given = assumed(radius, size, candidates, wrong, 1.0 - wrong)
    gains = horizon_gains(made.laws[HORIZON], given)
    # A verdict that says nothing teaches nothing where all correct traces return the same.
    for learner in ("vb-version-space", "vb-best-of-n"):
        np.testing.assert_allclose(gains.reach[learner][1:], 0.0, atol=1e-9)
    curves = share_curves(made.laws[HORIZON], given, [8, 64])
    for values in curves.shares.values():
        assert ((values >= 0) & (values <= 1 + 1e-9)).all()
    at = curves.at("vf-mle", np.array([1.0, 8.0, 20.0, 64.0, 1e6]))
    assert ((at >= 0) & (at <= 1)).all()
    assert (np.diff(at) >= -0.02).all()


def test_replicates_of_few_prompts_are_spread_out() -> None:
    values = np.arange(5.0)[:, None]
    drawn = resampled_means(values, Resampler(5, 0, 4000))
    assert drawn[0] == 2.0
    # Student's law of four degrees of freedom instead of the normal, and the unbiased variance.
    error = values.std(ddof=1) / 5**0.5
    assert drawn[1:].std() == pytest.approx(2.776 / 1.960 * error, rel=0.05)


def test_suboptimality_and_its_interval() -> None:
    made = group(POPULATION[:2] * 10)
    given = assumed(1.0, 6.0, 8)
    draws = predicted_draws(made, given, [4, 4000], Resampler(20, 0, 400))
    law = made.laws[HORIZON]
    expert = np.asarray(chi2_ball_expert(law, 1.0).value).mean()
    assert statistic(draws.expert[:, 0]).estimate == pytest.approx(expert)
    assert draws.suboptimality["vf-mle"][0, 0, 1] == pytest.approx(0.0, abs=1e-3)
    assert draws.suboptimality["vb-best-of-n"][0, 0, 1] < 0 < draws.suboptimality["vf-mle"][0, 0, 0]
    base = statistic(draws.base[:, 0])
    # Two kinds of prompts, with means 8 and 3.
    assert base.estimate == pytest.approx(5.5)
    assert base.high - base.low == pytest.approx(2 * 2.093 * 2.5 / 19**0.5, rel=0.2)
    same = group([POPULATION[0]] * 5)
    alike = predicted_draws(same, given, [64], Resampler(5, 0, 50))
    assert np.ptp(alike.gap()) < 1e-5
    alone = predicted_draws(group(POPULATION[:1]), given, [64], Resampler(1, 0, 50))
    assert np.isnan(statistic(alone.gap()[:, 0, 0]).low)


def test_bounds_hold_for_what_is_predicted() -> None:
    made, data = group(POPULATION), [4, 16, 64, 256]
    given = assumed(0.5, 8.0, 8)
    draws = predicted_draws(made, given, data, Resampler(3, 0, 10))
    found = bounds_beside(made.laws[HORIZON], HORIZON, given, data, 4)
    for index, bounds in enumerate(found):
        clone, tilt, best = (
            draws.suboptimality[name][0, 0, index]
            for name in ("vf-mle", "vb-version-space", "vb-best-of-n")
        )
        assert bounds["VF-LOWER-PROPER"] - 1e-3 <= clone <= bounds["VF-UPPER"]
        assert tilt <= bounds["VB-UPPER-EXPECTATION"]
        assert best <= bounds["VB-UPPER-BEST-OF-N"]
        assert bounds["SEPARATION-PROPER"] <= clone - tilt + 1e-3
        assert "VB-UPPER-ERRORS" not in bounds
    erring = bounds_beside(made.laws[HORIZON], HORIZON, assumed(0.5, 8.0, 8, 0.1), data, 4)
    assert all("VB-UPPER-ERRORS" in row and "VB-UPPER" not in row for row in erring)
