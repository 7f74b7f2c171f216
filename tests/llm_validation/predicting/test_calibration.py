"""Class sizes are found again, with intervals that hold them."""

from typing import Any

import numpy as np
import pytest

from tests.llm_validation.predicting.test_relabelling import HORIZON, POPULATION, group
from verigap.llm_validation.intervals import Resampler
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.leashes import CHI2_1, Leash
from verigap.llm_validation.predicting import calibration
from verigap.llm_validation.predicting.calibration import (
    ClassSize,
    Slice,
    calibration_slice,
    effective_class_size,
    smaller_half,
)
from verigap.llm_validation.predicting.predict import Options, predict_group
from verigap.llm_validation.predicting.prediction import RELABELLING
from verigap.llm_validation.predicting.relabelling import cloning_shares
from verigap.storage.units import LengthUnit
from verigap.theory import RewardLaw, chi2_ball_expert

DATA = (8, 32, 128)


@pytest.fixture(autouse=True)
def shares_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "cloning_shares", remembered)


_SHARES: dict[tuple[int, int], np.ndarray] = {}


def remembered(law: RewardLaw, leash: Leash, data: int, sizes: Any, seed: int) -> np.ndarray:
    """Shares at all sizes; all laws here are of the known population."""
    key = law.mean.shape[0], data
    if key not in _SHARES:
        _SHARES[key] = cloning_shares(law, leash, data, sizes, seed)
    return _SHARES[key]


def measured(clone: np.ndarray, noise: float = 0.0, prompts: int = 3) -> GroupMeasurement:
    """A measurement on the known population, by share of what the expert adds.

    The clone's share is off on every prompt, there alike at every n and for all four seeds.
    """
    law = group(POPULATION).laws[HORIZON]
    base = float(law.mean.mean())
    expert = float(chi2_ball_expert(law, 1.0).value.mean())
    shape = (1, len(DATA), 4, prompts)
    off = noise * np.random.default_rng(prompts).normal(size=prompts)

    def spread(share: np.ndarray, off: float | np.ndarray = 0.0) -> np.ndarray:
        return base + (share[None, :, None, None] + off) * (expert - base) + np.zeros(shape)

    values = {
        "base": spread(np.zeros(3)),
        "expert": spread(np.ones(3)),
        "clone_leashed": spread(clone, off),
        "verify_leashed": spread(clone),
    }
    return GroupMeasurement(
        dataset="d", model="m", unit=LengthUnit.TOKENS, prompt_ids=tuple(map(str, range(prompts))),
        samples=12, unverified=0, mixed=2, expert_share=2 / 3, horizons=(HORIZON,),
        data_budgets=DATA, num_candidates=4, leash=CHI2_1, extrapolated=(False,), values=values,
        warnings=(),
    )  # fmt: skip


def test_the_smaller_half() -> None:
    assert smaller_half((1, 2, 3)) == (1, 2)
    assert smaller_half((1, 2, 3, 4)) == (1, 2)
    assert smaller_half((7,)) == (7,)
    kept = calibration_slice(measured(np.full(3, 0.5)))
    assert (kept.horizons, kept.data_budgets) == ((HORIZON,), DATA[:2])
    assert kept.values["base"].shape == (1, 2, 4, 3)


def found(measured: GroupMeasurement) -> ClassSize:
    resampler = Resampler(len(measured.prompt_ids), 0, 200)
    seen = Slice.of(measured, measured.prompt_ids, resampler)
    return effective_class_size(group(POPULATION), seen)


@pytest.mark.long
@pytest.mark.parametrize("size", [2.0, 6.0, 12.0])
def test_the_class_size_of_a_known_game_is_found(size: float) -> None:
    law = group(POPULATION).laws[HORIZON]
    shares = np.array([cloning_shares(law, CHI2_1, n, [size])[0] for n in DATA])
    exact = found(calibration_slice(measured(shares)))
    assert exact.estimate == pytest.approx(size, rel=0.05)
    assert exact.doubt == ""
    assert exact.statistic.low == exact.statistic.high == exact.estimate


@pytest.mark.long
def test_the_interval_of_the_class_size_holds_it() -> None:
    law, size = group(POPULATION).laws[HORIZON], 6.0
    shares = np.array([cloning_shares(law, CHI2_1, n, [size])[0] for n in DATA])
    several = [found(measured(shares, 0.3, prompts)).statistic for prompts in range(20, 40)]
    held = sum(low < size < high for _, low, high in several)
    # 19 are expected.
    assert held >= 16
    assert all(high < 2 * size and low > size / 2 for _, low, high in several)
    # A calmer measurement says more.
    calm, loud = (found(measured(shares, noise, 30)).statistic for noise in (0.03, 0.3))
    assert calm.high - calm.low < 0.3 * (loud.high - loud.low)


def test_replicates_of_the_slice_draw_the_prompts_of_the_resampler() -> None:
    resampler = Resampler(30, 5, 50)
    measurement = measured(np.full(3, 0.5), 0.3, 30)
    values = measurement.values["clone_leashed"][0, 0].mean(axis=0)
    drawn = resampler.means(values[:, None])[:, 0]
    for names, joint in ((measurement.prompt_ids, True), (("x",) * 30, False)):
        seen = Slice.of(measurement, names, resampler)
        means = seen.means["clone_leashed"][:, 0, 0]
        assert means[0] == pytest.approx(values.mean())
        correlation = np.corrcoef(means[1:], drawn)[0, 1]
        assert bool(correlation > 0.99) is joint


@pytest.mark.long
def test_a_class_size_that_is_given_has_no_interval() -> None:
    made = group(POPULATION * 4)
    given = predict_group(made, (32,), Options(log2_class_size=6.0))
    assert (given.predictor, given.class_size_source) == (RELABELLING, "given")
    assert given.log2_class_size.estimate == 6.0
    assert np.isnan(given.log2_class_size[1:]).all()


def test_what_cannot_be_calibrated_is_said() -> None:
    far = found(measured(np.full(3, -0.5)))
    law = group(POPULATION).laws[HORIZON]
    assert cloning_shares(law, CHI2_1, DATA[-1], [far.estimate])[0] < 1e-2
    # The smallest of those that predict the same.
    assert (far.estimate < 150.0, far.doubt) == (True, "")
    nothing = found(measured(np.full(3, np.nan)))
    assert nothing.estimate == 20.0
    assert nothing.doubt.startswith("nothing")
    assert np.isnan(nothing.statistic.low)
    assert "end of the range" in found(measured(np.full(3, 1.2))).doubt
