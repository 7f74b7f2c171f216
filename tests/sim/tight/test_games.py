"""Tight games: exact risks against enumeration, plays against exact risks."""

from fractions import Fraction
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.sim.tight import brute_force
from tests.statistics import Estimate, assert_fits, assert_same_mean
from verigap.sim.tight import GAMES, TightGame
from verigap.sim.tight.rivals import chance_of_any, kept_rivals, mean_power

# test_cells.py checks the annotations.
pytestmark = pytest.mark.usefixtures("unchecked_annotations")

H = 1000
REPLICATES = 40_000

shares = st.fractions(Fraction(1, 20), Fraction(19, 20), max_denominator=20)
bases = st.sampled_from([Fraction(1, 2), Fraction(1, 3), Fraction(1, 5)])


def game(name: str, **parameters: object) -> TightGame:
    return GAMES[name].model_validate({"horizon": H, **parameters})


def risk(name: str, **parameters: object) -> float:
    (value,) = game(name, **parameters).exact_risks().values()
    return value


@settings(max_examples=40)
@given(
    st.integers(1, 3), st.integers(1, 3), bases, shares,
    st.sampled_from([Fraction(0), Fraction(1, 10)]), st.sampled_from([Fraction(0), Fraction(1, 4)]),
)  # fmt: skip
def test_false_negatives(
    traces: int, rivals: int, c0: Fraction, share: Fraction, eta: Fraction, noise: Fraction
) -> None:
    eta = Fraction(0) if noise else eta
    error = share * (c0 - eta)
    found = risk(
        "false-negatives",
        data_budget=traces,
        log2_class_size=log2(rivals + 1),
        c0=float(c0),
        rival_error=float(error),
        label_error=float(eta),
        label_noise=float(noise),
    )
    counted = brute_force.false_negatives(traces, rivals, c0, error, eta, noise)
    assert found / H == pytest.approx(counted, rel=1e-7)


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(1, 3), bases, shares)
def test_false_positives(traces: int, rivals: int, c0: Fraction, share: Fraction) -> None:
    error = share * (1 - c0)
    found = risk(
        "false-positives",
        data_budget=traces,
        log2_class_size=log2(rivals + 1),
        c0=float(c0),
        rival_error=float(error),
    )
    counted = brute_force.false_positives(traces, rivals, c0, error)
    assert found / H == pytest.approx(float(counted), rel=1e-12)


@settings(max_examples=40)
@given(
    st.integers(1, 3), st.integers(1, 2), bases, shares,
    st.sampled_from([Fraction(0), Fraction(1, 10)]), st.integers(1, 4),
)  # fmt: skip
def test_reward_hacking(
    traces: int, rivals: int, c0: Fraction, share: Fraction, eta: Fraction, candidates: int
) -> None:
    error = share * (1 - c0 - eta)
    found = risk(
        "reward-hacking",
        data_budget=traces,
        log2_class_size=log2(rivals + 1),
        c0=float(c0),
        rival_error=float(error),
        label_error=float(eta),
        num_candidates=candidates,
    )
    counted = brute_force.reward_hacking(traces, rivals, c0, error, eta, candidates)
    assert found / (H - 1) == pytest.approx(float(counted), rel=1e-12)


@given(st.integers(1, 3), st.integers(1, 3), shares)
def test_deterministic_expert(traces: int, rivals: int, error: Fraction) -> None:
    found = risk(
        "deterministic-expert",
        data_budget=traces,
        log2_class_size=log2(rivals + 1),
        rival_error=float(error),
    )
    counted = brute_force.deterministic_expert(traces, rivals, error)
    assert found / H == pytest.approx(float(counted), rel=1e-12)


@given(st.integers(1, 8), st.fractions(Fraction(1, 100), Fraction(49, 100), max_denominator=100))
def test_two_hypotheses(traces: int, gap: Fraction) -> None:
    found = risk("two-hypotheses", data_budget=traces, rival_gap=float(gap))
    assert found / H == pytest.approx(float(brute_force.two_hypotheses(traces, gap)), rel=1e-12)


@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 4))
def test_flat_prompts(traces: int, bits: int, flat: int) -> None:
    found = risk("flat-prompts", data_budget=traces, log2_class_size=bits, flat_prompts=flat)
    counted = brute_force.flat_prompts(traces, 2**bits, flat)
    assert found / H == pytest.approx(float(counted), rel=1e-12)


@given(st.integers(1, 3), st.integers(1, 3), shares, st.fractions(Fraction(1, 50), 9))
def test_missing_expert(traces: int, rivals: int, error: Fraction, missed: Fraction) -> None:
    found = risk(
        "missing-expert",
        data_budget=traces,
        log2_class_size=log2(rivals + 1),
        rival_error=float(error),
        misspecification=float(missed),
    )
    counted = brute_force.missing_expert(traces, rivals, missed, error)
    assert found / H == pytest.approx(float(counted), rel=1e-12)


@settings(max_examples=40)
@given(st.sampled_from([(2, 1), (4, 1), (4, 2), (6, 2), (6, 3)]), st.integers(1, 4))
def test_flat_estimate(kinds: tuple[int, int], candidates: int) -> None:
    traces, good = kinds
    played = game(
        "flat-estimate",
        reward_error=20.0,
        c0=good / traces,
        atoms=traces,
        num_candidates=candidates,
    )
    exact = played.exact_risks()
    (returns,) = played.returns
    counted = brute_force.flat_estimate(list(returns), good, 20.0, candidates)
    assert exact["vb-pessimism"] == pytest.approx(counted.pessimism, rel=1e-9)
    assert exact["vb-best-of-n"] == pytest.approx(counted.best_of_n, rel=1e-9)
    # The error is that of every data set, and returns and estimates lie in [0, H].
    assert counted.errors == pytest.approx([20.0] * traces, rel=1e-9)
    assert min(returns) == 0
    assert list(returns) == sorted(returns)
    assert returns[-good:] == (returns[-1],) * good
    assert max(counted.highest, returns[-1]) <= H


def test_the_largest_error_of_a_flat_estimate() -> None:
    shape = {"c0": 0.25, "atoms": 8, "num_candidates": 3}
    with pytest.raises(ValueError, match="reward_error: must be at most") as refusal:
        game("flat-estimate", reward_error=H, **shape)
    most = float(str(refusal.value).split("at most ")[1].split()[0])
    (returns,) = game("flat-estimate", reward_error=most * (1 - 1e-5), **shape).returns
    highest = returns[-1] + abs(returns[-1] - np.mean(returns))
    assert highest == pytest.approx(H, rel=1e-4)


def test_the_estimate_bounds_are_met_by_many_traces() -> None:
    # 1 - 1/K of VB-UPPER-MEAN-SQUARE; best-of-N plays the base, where it has one draw.
    exact = game("flat-estimate", reward_error=100.0, atoms=1000).exact_risks()
    assert exact["vb-pessimism"] == pytest.approx(100 * (1 - 1 / 1000), rel=1e-12)
    assert exact["vb-best-of-n"] == pytest.approx(100, rel=1e-12)


PLAYED: dict[str, list[dict[str, object]]] = {
    "two-hypotheses": [
        {"data_budget": 7, "rival_gap": 0.2},
        {"data_budget": 900, "rival_gap": 0.03},
    ],
    "deterministic-expert": [
        {"data_budget": 8, "log2_class_size": 40},
        {"data_budget": 3, "rival_error": 0.4},
    ],
    "flat-prompts": [
        {"data_budget": 3, "log2_class_size": 2, "flat_prompts": 1},
        {"data_budget": 80, "log2_class_size": 40},
    ],
    "false-negatives": [
        {"data_budget": 3},
        {"data_budget": 20, "log2_class_size": 10},
        {"data_budget": 200, "log2_class_size": 200, "c0": 0.125},
        {"data_budget": 20, "c0": 0.25, "label_error": 0.1},
        {"data_budget": 20, "log2_class_size": 4, "label_noise": 0.1},
    ],
    "false-positives": [
        {"data_budget": 30, "c0": 0.25},
        {"data_budget": 4000, "log2_class_size": 40},
    ],
    "reward-hacking": [
        {"data_budget": 200, "num_candidates": 12},
        {"data_budget": 500, "log2_class_size": 10, "num_candidates": 8, "label_error": 0.01},
    ],
    "flat-estimate": [
        {"reward_error": 100.0, "atoms": 4},
        {"reward_error": 60.0, "atoms": 16, "c0": 0.25, "num_candidates": 5},
    ],
    "missing-expert": [
        {"data_budget": 3, "misspecification": 0.5, "rival_error": 0.3},
        {"data_budget": 400, "misspecification": 0.01, "log2_class_size": 40},
    ],
}


@pytest.mark.parametrize(
    ("name", "parameters"), [(name, each) for name, some in PLAYED.items() for each in some]
)
def test_plays_have_the_exact_mean(name: str, parameters: dict[str, object]) -> None:
    played = game(name, **parameters)
    tallies = played.play(np.random.default_rng(5), REPLICATES)
    exact = played.exact_risks()
    assert tallies.keys() == exact.keys()
    for learner, tally in tallies.items():
        assert tally.counts.sum() == REPLICATES
        found = Estimate.from_variance(tally.mean, tally.variance, REPLICATES)
        assert_same_mean(found, exact[learner], what=f"{name} {parameters}")


def test_every_game_is_played() -> None:
    assert PLAYED.keys() == GAMES.keys()
    for name in GAMES:
        assert game(name, **PLAYED[name][0]).name == name


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_kept_rivals_are_those_of_rivals_drawn_one_by_one(noise: float) -> None:
    # Of 30 rivals, at 6 draws of which about half can tell.
    generator = np.random.default_rng(8)
    telling = generator.binomial(6, 0.5, REPLICATES)
    quick = kept_rivals(generator, telling, overlap=0.3, rivals=30.0, noise=noise)
    draws = np.arange(6) < telling[:, None]
    wrong = draws & (generator.random(draws.shape) < noise)
    errs = generator.random((REPLICATES, 30, 6)) < 0.3
    missed = np.sum((errs ^ wrong[:, None]) & draws[:, None], axis=-1)
    least = np.minimum(missed.min(axis=-1), wrong.sum(axis=-1))
    slow = np.sum(missed == least[:, None], axis=-1)
    table = np.stack([np.bincount(counts, minlength=31) for counts in (quick, slow)])
    common = table[:, table.min(axis=0) >= 20]
    assert common.shape[1] >= 8
    assert_fits(stats.chi2_contingency(common), "kept rivals")


def test_many_rivals_survive_or_none() -> None:
    generator = np.random.default_rng(3)
    telling = np.full(2000, 20)
    # 2^200 rivals, of which 2^-20 survive: more than are counted, and all alike to whoever looks.
    assert kept_rivals(generator, telling, overlap=0.5, rivals=2.0**200).min() > 1e9
    kept = kept_rivals(generator, telling, overlap=0.5, rivals=2.0**24 - 1)
    assert_same_mean(Estimate.of(kept), 16 - 2.0**-20, what="16 rivals survive")
    assert kept_rivals(generator, telling, overlap=1.0, rivals=1.0).max() == 0
    assert kept_rivals(generator, np.zeros(9, int), overlap=0.5, rivals=3.0).tolist() == [3] * 9


def test_survival_in_closed_form() -> None:
    # One rival: (1 - e)^n, whatever share of the draws can tell.
    for telling in (0.25, 0.5, 1.0):
        found = chance_of_any(12, telling, overlap=0.1 / telling, rivals=1.0)
        assert found == pytest.approx(0.9**12, rel=1e-12)
        mean = mean_power(12, telling, overlap=0.1 / telling, rivals=1.0)
        assert mean == pytest.approx(0.1 / telling * 0.9**12, rel=1e-12)
    # Chances far below rounding: 2^100 rivals at 2^-100 each.
    found = chance_of_any(100, 1.0, overlap=0.5, rivals=2.0**100)
    assert found == pytest.approx(1 - np.exp(-1), rel=1e-9)


def test_the_worst_error_is_lemma_5s() -> None:
    assert game("false-negatives", data_budget=9).error == pytest.approx(0.1, rel=1e-9)  # pyright: ignore[reportAttributeAccessIssue]
    # One label: 1/2, which is also the most that there is.
    assert game("false-negatives", data_budget=1).error == pytest.approx(0.5, rel=1e-12)  # pyright: ignore[reportAttributeAccessIssue]
    for error in (0.08, 0.12):
        assert risk("false-negatives", data_budget=9, rival_error=error) < risk(
            "false-negatives", data_budget=9
        )
