"""Intervals of several differences that hold together, so that the largest may be picked."""

import numpy as np
import pytest
from scipy import stats

from verigap.llm_validation.deciding.joint import JointMeans


def drawn(seed: int, prompts: int = 60, arms: int = 9) -> dict[str, np.ndarray]:
    """Arms that are worth the same, of different spread around what they share."""
    rng = np.random.default_rng(seed)
    shared = rng.random(prompts)
    spread = np.linspace(0.1, 0.9, arms)
    return {
        str(arm): (1 - spread[arm]) * shared + spread[arm] * rng.random(prompts)
        for arm in range(arms)
    }


@pytest.mark.long
def test_nothing_is_found_where_nothing_is_in_nineteen_of_twenty_families() -> None:
    runs, together, each = 400, 0, 0
    for seed in range(runs):
        joint = JointMeans.of(drawn(seed), most=1.0, seed=seed)
        others = [arm for arm in joint.means if arm != "0"]
        family = joint.differences_together(others, "0").values()
        together += any(not row.low <= 0 <= row.high for row in family)
        alone = (joint.difference(arm, "0") for arm in others)
        each += any(not row.low <= 0 <= row.high for row in alone)
    # Three standard errors of 20 in 400.
    assert together <= 33
    assert each > 60


def test_one_difference_is_that_of_the_quantile_of_its_draws() -> None:
    joint = JointMeans.of(drawn(0), most=1.0, seed=0)
    found = joint.differences_together(["3"], "0")["3"]
    estimate = joint.means["3"] - joint.means["0"]
    reach = np.quantile(np.abs(joint.draws["3"] - joint.draws["0"] - estimate), 0.95)
    assert found == pytest.approx((estimate, estimate - reach, estimate + reach), abs=1e-3)


def test_more_comparisons_are_wider_and_the_same_in_standard_deviations() -> None:
    joint = JointMeans.of(drawn(1), most=1.0, seed=0)
    few, many = (joint.differences_together(names, "0") for names in ("12", "12345678"))
    assert many["1"].high - many["1"].low > few["1"].high - few["1"].low
    reach = {
        arm: (row.high - row.estimate) / (joint.draws[arm] - joint.draws["0"]).std()
        for arm, row in many.items()
    }
    assert list(reach.values()) == pytest.approx([reach["1"]] * 8)


@pytest.mark.parametrize("prompts", [4, 20, 1000])
def test_few_prompts_reach_as_far_as_student_says(prompts: int) -> None:
    joint = JointMeans.of(drawn(3, prompts), most=1.0, seed=0)
    found = joint.differences_together("12345678", "0")
    centred = {
        arm: joint.draws[arm] - joint.draws["0"] - row.estimate for arm, row in found.items()
    }
    largest = np.max([np.abs(each) / each.std() for each in centred.values()], axis=0)
    level = stats.norm.cdf(np.quantile(largest, 0.95))
    # The draws are spread out by the ratio of the quantiles at 95 % already.
    spread = stats.t.ppf(0.975, prompts - 1) / stats.norm.ppf(0.975)
    reach = stats.t.ppf(level, prompts - 1) / spread * centred["5"].std()
    high = min(found["5"].estimate + reach, 1.0)
    assert found["5"].high == pytest.approx(high)


def test_arms_that_are_the_same_have_no_interval() -> None:
    values = drawn(2, arms=2)
    joint = JointMeans.of(values | {"copy": values["0"]}, most=1.0, seed=0)
    found = joint.differences_together(["1", "copy"], "0")
    assert found["copy"].estimate == 0
    assert np.isnan(found["copy"].low)
    assert found["1"] == joint.differences_together(["1"], "0")["1"]
    assert np.isnan(joint.differences_together(["copy"], "0")["copy"].high)


def test_no_interval_leaves_what_is_possible() -> None:
    values = {"0": np.array([0.0, 1.0, 0.0]), "1": np.array([1.0, 1.0, 0.5])}
    found = JointMeans.of(values, most=1.0, seed=0).differences_together(["1"], "0")["1"]
    assert found.high == 1.0
    assert found.low >= -1.0
