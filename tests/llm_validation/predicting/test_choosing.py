"""The better predictor is chosen, and what follows from it carries the doubt."""

import dataclasses

import numpy as np
import pytest

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.calibration import Slice
from verigap.llm_validation.predicting.choosing import choose, misfit
from verigap.llm_validation.predicting.draws import LEARNERS, Draws, statistic
from verigap.llm_validation.predicting.prediction import PARAMETRIC, RELABELLING, Predictor

HORIZONS, DATA, ROWS = (8, 16), (4, 32, 64), 401


def draws(clone: float, tilt: float, noise: float = 0.0, seed: int = 0) -> Draws:
    """Suboptimality of the clone and of everything else, in every cell, give or take by row."""
    shape = (ROWS, len(HORIZONS), len(DATA))
    moved = noise * np.random.default_rng(seed).normal(size=(ROWS, 1, 1)) * np.ones(shape)
    moved[0] = 0.0
    subs = {name: tilt + (0.0 if name == "vf-mle" else moved) for name in LEARNERS}
    subs["vf-mle"] = clone + np.zeros(shape)
    subs = {name: values + np.zeros(shape) for name, values in subs.items()}
    return Draws(np.zeros(shape[:2]), np.full(shape[:2], 10.0), subs)


def seen(clone: float, tilt: float, noise: float = 0.0) -> Slice:
    """A slice of the first two n where the learners fall short by that much."""
    shape = (ROWS, len(HORIZONS), 2)
    moved = noise * np.random.default_rng(9).normal(size=(ROWS, 1, 1))
    moved[0] = 0.0
    values = {"base": 0.0, "expert": 10.0, "clone_leashed": 10.0 - clone}
    means = {name: np.full(shape, value) for name, value in values.items()}
    means["verify_leashed"] = 10.0 - tilt + moved * np.ones(shape)
    return Slice(horizons=HORIZONS, data_budgets=DATA[:2], chi2_radius=1.0, means=means)


Predictors = dict[Predictor, Draws]


def gap(found: Draws) -> Statistic:
    return statistic(found.gap()[:, 1, 2])


def test_misfit_is_a_share_of_the_budget() -> None:
    errors = misfit(draws(6.0, 2.0), HORIZONS, DATA, seen(6.0, 4.0))
    assert errors.shape == (ROWS,)
    # Off by 2 for one of two learners, at budgets of 8 and 16.
    np.testing.assert_allclose(errors, (((2 / 8) ** 2 + (2 / 16) ** 2) / 4) ** 0.5)
    assert misfit(draws(6.0, 2.0), HORIZONS, DATA, seen(6.0, 2.0)) == pytest.approx(0.0)
    # Cloning counts as verifying does.
    np.testing.assert_allclose(misfit(draws(6.0, 4.0), HORIZONS, DATA, seen(4.0, 4.0)), errors)
    assert np.isnan(misfit(draws(6.0, 2.0), (32,), DATA, seen(6.0, 4.0))).all()


def test_the_predictor_that_fits_the_slice_is_chosen() -> None:
    right, wrong = draws(6.0, 2.0), draws(2.0, 6.0)
    first: Predictors = {PARAMETRIC: right, RELABELLING: wrong}
    second: Predictors = {PARAMETRIC: wrong, RELABELLING: right}
    for both, better in ((first, PARAMETRIC), (second, RELABELLING)):
        choice = choose(both, HORIZONS, DATA, seen(6.0, 2.0))
        assert (choice.predictor, choice.probability) == (better, 1.0)
        assert gap(choice.draws) == Statistic(4.0, 4.0, 4.0)


def test_a_doubtful_choice_has_an_interval_that_holds_both() -> None:
    first, second = draws(5.0, 4.0, 0.1, 1), draws(5.0, 0.0, 0.1, 2)
    both: Predictors = {RELABELLING: first, PARAMETRIC: second}
    choice = choose(both, HORIZONS, DATA, seen(5.0, 2.2, noise=2.0))
    assert choice.predictor == RELABELLING
    # The slice is nearer to the first where the noise is below 0.2 of 2.
    assert choice.probability == pytest.approx(0.54, abs=0.06)
    whole = gap(choice.draws)
    assert whole.estimate == gap(first).estimate == 1.0
    for each in (first, second):
        assert whole.low < gap(each).estimate < whole.high
    # And nothing that neither says.
    assert whole.low == pytest.approx(gap(first).low, abs=0.1)
    assert whole.high == pytest.approx(gap(second).high, abs=0.1)
    sure = choose(both, HORIZONS, DATA, seen(5.0, 3.9, noise=0.1))
    assert sure.probability == 1.0
    assert gap(sure.draws) == gap(first)


def test_what_another_predictor_does_not_say_stays() -> None:
    silent = draws(5.0, 0.0)
    silent.suboptimality["vf-bayes"][:] = np.nan
    both: Predictors = {RELABELLING: draws(5.0, 4.0), PARAMETRIC: silent}
    choice = choose(both, HORIZONS, DATA, seen(5.0, 2.2, noise=2.0))
    assert statistic(choice.draws.suboptimality["vf-bayes"][:, 0, 0]) == Statistic(4.0, 4.0, 4.0)


def test_where_there_is_no_choice() -> None:
    first, second = draws(6.0, 2.0), draws(2.0, 6.0)
    alone = choose({RELABELLING: first}, HORIZONS, DATA, seen(2.0, 6.0))
    none = choose({RELABELLING: first, PARAMETRIC: second}, HORIZONS, DATA, None)
    known = seen(2.0, 6.0)
    unlearned = {name: values * np.nan for name, values in known.means.items() if "leash" in name}
    blind = dataclasses.replace(known, means=known.means | unlearned)
    unknown = choose({RELABELLING: first, PARAMETRIC: second}, HORIZONS, DATA, blind)
    for choice in (alone, none, unknown):
        assert choice.predictor == RELABELLING
        assert np.isnan(choice.probability)
        assert choice.draws is first
