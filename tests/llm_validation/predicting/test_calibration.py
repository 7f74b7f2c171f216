"""Class sizes are found again, with intervals that hold them."""

import numpy as np
import pytest

from tests.llm_validation.predicting.test_relabelling import HORIZON, POPULATION, group
from verigap.llm_validation.fitting.intervals import Resampler
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.predicting.calibration import (
    ClassSize,
    Slice,
    calibration_slice,
    effective_class_size,
    smaller_half,
)
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


def found(measured: GroupMeasurement) -> ClassSize:
    resampler = Resampler(len(measured.prompt_ids), 0, 200)
    seen = Slice.of(measured, measured.prompt_ids, resampler)
    return effective_class_size(group(POPULATION), seen)


@pytest.mark.parametrize("size", [2.0, 6.0, 12.0])
def test_the_class_size_of_a_known_game_is_found(size: float) -> None:
    law = group(POPULATION).laws[HORIZON]
    shares = np.array([cloning_shares(law, 1.0, n, [size])[0] for n in DATA])
    exact = found(calibration_slice(measured(shares)))
    assert exact.estimate == pytest.approx(size, rel=0.05)
    assert exact.doubt == ""


def test_what_cannot_be_calibrated_is_said() -> None:
    far = found(measured(np.full(3, -0.5)))
    assert cloning_shares(group(POPULATION).laws[HORIZON], 1.0, DATA[-1], [far.estimate])[0] < 1e-2
    nothing = found(measured(np.full(3, np.nan)))
    assert nothing.estimate == 20.0
    assert nothing.doubt.startswith("nothing")
    assert np.isnan(nothing.statistic.low)
    assert "end of the range" in found(measured(np.full(3, 1.2))).doubt
