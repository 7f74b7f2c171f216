"""No stored risk lies outside the range that the test of its mean rests on."""

from typing import Any

import pytest

from verigap.sim.checks.ranges import risk_range
from verigap.sim.sweeps import read_rows


@pytest.mark.parametrize("run", ["quickstart", "figures-phase"])
def test_stored_risks_lie_within(run: str) -> None:
    for row in read_rows(f"docs/runs/{run}"):
        least, most = risk_range(row)
        slack = 1e-9 * row["horizon"]
        for entry in row["learners"]:
            for risk in (entry["mean"], *entry["outcome_risk"]):
                assert least - slack <= risk <= most + slack


def row(**more: Any) -> dict[str, Any]:
    return {"game": "relabelling", "horizon": 64, "expert_radius": 0.25, "expert_gain": 8.0} | more


def test_of_one_prompt_the_expert_is_known() -> None:
    assert risk_range(row(atoms=[[16.0, 48.0]], mean=32.0)) == (-8.0, 24.0)


def test_of_several_the_expert_may_earn_anything_from_the_mean_to_the_ceiling() -> None:
    # On the first prompt from 32 to 32 + 16/2, of returns 16 and 48; on the second always 8.
    assert risk_range(row(atoms=[[16.0, 48.0], [8.0, 8.0]], mean=20.0)) == (-16.0, 24.0)


def test_of_hard_prompts_no_more_is_lost_than_half_of_each() -> None:
    numbers = {"data_budget": 4, "coverage": 0.5, "log2_class_size": 3.0}
    found = risk_range(row(game="hard-prompts", atoms=[[0.0, 64.0]], mean=0.0, **numbers))
    assert found == pytest.approx((0.0, 3 / 5 * 32))
