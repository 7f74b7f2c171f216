"""Class sizes are found again, and the better predictor is chosen."""

import dataclasses

import numpy as np
import pytest

from tests.llm_validation.predicting.test_relabelling import HORIZON, POPULATION, group
from verigap.llm_validation.fitting.intervals import Resampler, Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.predicting.calibration import (
    better_predictor,
    calibration_slice,
    effective_class_size,
    misfit,
    smaller_half,
)
from verigap.llm_validation.predicting.prediction import PARAMETRIC, RELABELLING, PredictedCell
from verigap.llm_validation.predicting.relabelling import (
    Assumptions,
    cloning_shares,
    predicted_draws,
)

DATA = (8, 32, 128)


def measured(clone: np.ndarray, tilt: np.ndarray | None = None) -> GroupMeasurement:
    """A measurement of two seeds on the known population, by share of what the expert adds."""
    made = group(POPULATION)
    draws = predicted_draws(made, Assumptions(1.0, 5.0, 4), DATA, Resampler(3, 0, 10))
    base, expert = float(draws.base[0, 0]), float(draws.expert[0, 0])
    shape = (1, len(DATA), 2, 3)

    def spread(share: np.ndarray) -> np.ndarray:
        return np.broadcast_to((base + share * (expert - base))[None, :, None, None], shape)

    values = {
        "base": spread(np.zeros(3)),
        "expert": spread(np.ones(3)),
        "clone_leashed": spread(clone),
        "verify_leashed": spread(clone if tilt is None else tilt),
    }
    return GroupMeasurement(
        "d", "m", "tokens", ("a", "b", "c"), 12, 0, 2, 2 / 3, (HORIZON,), DATA, 4, 1.0, (False,),
        values, (),
    )  # fmt: skip


def test_the_smaller_half() -> None:
    assert smaller_half((1, 2, 3)) == (1, 2)
    assert smaller_half((1, 2, 3, 4)) == (1, 2)
    assert smaller_half((7,)) == (7,)
    kept = calibration_slice(measured(np.full(3, 0.5)))
    assert (kept.horizons, kept.data) == ((HORIZON,), DATA[:2])
    assert kept.values["base"].shape == (1, 2, 2, 3)


@pytest.mark.parametrize("size", [2.0, 6.0, 12.0])
def test_the_class_size_of_a_known_game_is_found(size: float) -> None:
    law = group(POPULATION).laws[HORIZON]
    shares = np.array([cloning_shares(law, 1.0, n, [size])[0] for n in DATA])
    found, doubt = effective_class_size(group(POPULATION), calibration_slice(measured(shares)))
    assert found == pytest.approx(size, rel=0.2)
    assert doubt == ""


def test_what_cannot_be_calibrated_is_said() -> None:
    size, doubt = effective_class_size(group(POPULATION), measured(np.full(3, -0.5)))
    assert cloning_shares(group(POPULATION).laws[HORIZON], 1.0, DATA[-1], [size])[0] < 1e-2
    size, doubt = effective_class_size(group(POPULATION), measured(np.full(3, np.nan)))
    assert size == 20.0
    assert doubt.startswith("nothing")
    size, doubt = effective_class_size(group(POPULATION), measured(np.full(3, 1.2)))
    assert "end of the range" in doubt


def cells(clone: float, tilt: float) -> tuple[PredictedCell, ...]:
    none = Statistic(0.0, 0.0, 0.0)
    return tuple(
        PredictedCell(
            HORIZON, n, False, Statistic(clone, clone, clone), none, Statistic(tilt, tilt, tilt),
            none, none, none, {},
        )
        for n in DATA
    )  # fmt: skip


def test_the_predictor_that_fits_the_slice_is_chosen() -> None:
    truth = measured(np.full(3, 0.25), np.full(3, 0.75))
    means = truth.means()
    adds = float(means["expert"][0, 0] - means["base"][0, 0])
    right, wrong = cells(0.75 * adds, 0.25 * adds), cells(0.25 * adds, 0.75 * adds)
    assert misfit(right, truth) == pytest.approx(0.0, abs=1e-12)
    assert misfit(wrong, truth) == pytest.approx(0.5 * adds / HORIZON)
    assert better_predictor({RELABELLING: wrong, PARAMETRIC: right}, truth) == PARAMETRIC
    assert better_predictor({RELABELLING: right, PARAMETRIC: wrong}, truth) == RELABELLING
    learned = {name: values * np.nan for name, values in truth.values.items() if "leashed" in name}
    unknown = dataclasses.replace(truth, values=dict(truth.values) | learned)
    assert better_predictor({RELABELLING: wrong, PARAMETRIC: right}, unknown) == RELABELLING
