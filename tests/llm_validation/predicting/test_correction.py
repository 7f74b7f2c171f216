"""The part of a learner's bias that falls like 1/n is read off the slice."""

import numpy as np
import pytest

from verigap.llm_validation.pools.leashes import CHI2_1
from verigap.llm_validation.predicting.calibration import MEASURED_AS, Slice
from verigap.llm_validation.predicting.correction import corrected
from verigap.llm_validation.predicting.draws import LEARNERS, Draws

HORIZONS, DATA, ROWS = (8, 16), (4, 16, 64), 3
GAIN = np.array([[2.0, 6.0], [3.0, 6.0], [2.0, 7.0]])
BIAS = dict(zip(MEASURED_AS, (1.5, -0.5, 0.25), strict=True))


def predicted() -> Draws:
    rng = np.random.default_rng(0)
    shape = (ROWS, len(HORIZONS), len(DATA))
    base = np.ones(shape[:2])
    return Draws(base, base + GAIN, {name: rng.random(shape) for name in LEARNERS})


def truth() -> dict[str, np.ndarray]:
    """Suboptimality off by a share c/n of the gain, of another c in every replicate."""
    share = np.arange(1.0, ROWS + 1)[:, None, None] / (2 * np.array(DATA))
    known = predicted().suboptimality
    return {name: known[name] + c * share * GAIN[:, :, None] for name, c in BIAS.items()}


def seen(cells: int = 2, budgets: int = 1) -> Slice:
    means = {"expert": np.full((ROWS, budgets, cells), 9.0)}
    for name, policy in MEASURED_AS.items():
        means[policy] = 9.0 - truth()[name][:, :budgets, :cells]
    return Slice(
        horizons=HORIZONS[:budgets],
        data_budgets=DATA[:cells],
        leash=CHI2_1,
        means=means,
    )


@pytest.mark.parametrize("cells", [1, 2])
def test_a_bias_that_falls_like_1_over_n_is_found(cells: int) -> None:
    found = corrected(predicted(), HORIZONS, DATA, seen(cells))
    for name, values in truth().items():
        # The unseen budget and n too.
        np.testing.assert_allclose(found.suboptimality[name], values, atol=1e-12)
    for name in set(LEARNERS) - set(BIAS):
        assert (found.suboptimality[name] == predicted().suboptimality[name]).all()
    assert (found.base == predicted().base).all()
    assert (found.expert == predicted().expert).all()


def test_noise_is_averaged_by_least_squares() -> None:
    whole, noise = seen(budgets=2), np.array([[0.1, 0.3], [0.2, -0.4]])
    whole.means["clone_leashed"][0] -= noise
    found = corrected(predicted(), HORIZONS, DATA, whole).suboptimality["vf-mle"]
    unit = GAIN[0][:, None] / np.array(DATA)
    # Of shares of the budget.
    known = (unit[:, :2] / np.array(HORIZONS)[:, None]).ravel()
    shift = np.linalg.lstsq(known[:, None], (noise / np.array(HORIZONS)[:, None]).ravel())[0]
    np.testing.assert_allclose(found[0], truth()["vf-mle"][0] + shift * unit)


def test_values_stay_within_the_budget() -> None:
    far = seen()
    for shortfall, share in ((100.0, 0.0), (-100.0, 1.0)):
        far.means["verify"][:] = 9.0 - shortfall
        found = corrected(predicted(), HORIZONS, DATA, far)
        learned = found.expert[:, :, None] - found.suboptimality["vb-best-of-n"]
        np.testing.assert_allclose(learned[:, :, 0], share * np.tile(HORIZONS, (ROWS, 1)))
        assert ((learned >= 0) & (learned <= np.array(HORIZONS)[:, None])).all()


def test_what_the_slice_does_not_know_is_left_as_it_is() -> None:
    plain = predicted()
    elsewhere = corrected(plain, (32, 64), DATA, seen())
    unknown = seen()
    unknown.means["verify"][:] = np.nan
    partly = corrected(plain, HORIZONS, DATA, unknown)
    nothing = Draws(plain.base, plain.base, plain.suboptimality)
    gainless = corrected(nothing, HORIZONS, DATA, seen())
    for found, names in (
        (elsewhere, LEARNERS),
        (partly, ("vb-best-of-n",)),
        (gainless, LEARNERS),
    ):
        for name in names:
            assert (found.suboptimality[name] == plain.suboptimality[name]).all()
    assert (partly.suboptimality["vf-mle"] != plain.suboptimality["vf-mle"]).any()
