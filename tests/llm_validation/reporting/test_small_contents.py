"""Parts of a report that are plain arithmetic: spending, difficulty of prompts, and the phase."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.llm_validation.reporting.builders import DATA, HORIZONS, pools_of, rows, vote_at
from verigap.llm_validation.deciding import Prices
from verigap.llm_validation.deciding.allocation import Allocation
from verigap.llm_validation.predicting.standing_bounds import group_setting
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.prompts_content import prompts_content
from verigap.llm_validation.reporting.spending_content import spending_content
from verigap.llm_validation.traces import Traces
from verigap.theory.scaling import homogeneity_frontier


def spent(arm: str, num_candidates: int, tokens: float, accuracy: float) -> Allocation:
    return Allocation(horizon=64, num_candidates=num_candidates, arm=arm, tokens=tokens,
                      accuracy=accuracy)  # fmt: skip


ROWS = [
    spent("single", 1, 40.0, 0.4),
    spent("vote", 4, 160.0, 0.5),
    spent("vote", 8, 320.0, 0.5),
    spent("best_score", 4, 100.0, 0.55),
    spent("exact", 2, 80.0, 0.6),
    spent("exact", 8, 320.0, 0.9),
]


def arms(line: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(row["arm"], row["num_candidates"]) for row in line]


def test_the_ways_to_spend_that_no_cheaper_one_matches() -> None:
    found = spending_content(ROWS, Prices(), 100.0)
    assert arms(found["frontier"]["without_check"]) == [("single", 1), ("best_score", 4)]
    assert arms(found["frontier"]["with_check"]) == [("exact", 2), ("exact", 8)]
    # At the limit itself, too.
    assert found["within"]["without_check"]["arm"] == "best_score"
    assert arms([found["within"]["with_check"]]) == [("exact", 2)]
    assert (found["priced"], found["key"], found["spend"]) == (False, "sampled", 100.0)
    assert math.isnan(found["within"]["with_check"]["cost"])
    assert found["within"]["with_check"]["name"] == "best of 2 by an exact check"


def test_no_limit_and_limits_below_everything() -> None:
    assert spending_content(ROWS, Prices(), None)["within"] is None
    assert spending_content([], Prices(), 100.0)["within"] is None
    within = spending_content(ROWS, Prices(), 39.0)["within"]
    assert within == {"without_check": None, "with_check": None}
    alone = spending_content(ROWS, Prices(), 400.0, "score")
    assert set(alone["within"]) == {"without_check"}
    assert alone["frontier"]["with_check"] == []
    learned = spending_content(ROWS, Prices(), 400.0, "learned")["frontier"]["without_check"]
    assert arms(learned) == [("single", 1), ("vote", 4)]


def test_costs_are_of_tokens_and_of_checks() -> None:
    prices = Prices(per_mtok=1e6, check_cost=15.0)
    found = spending_content(ROWS, prices, 430.0, "exact")
    assert found["key"] == "cost"
    costs = [row["cost"] for row in found["frontier"]["with_check"]]
    assert costs == pytest.approx([80 + 2 * 15, 320 + 8 * 15])
    assert found["within"]["with_check"]["num_candidates"] == 2
    assert found["within"]["without_check"]["cost"] == pytest.approx(160.0)


def test_prompts_with_their_shares_votes_and_lengths(usual: Diagnosis) -> None:
    decisions, ids = usual.groups[0].decisions, usual.groups[0].pools.prompt_ids
    outcomes = decisions.outcomes
    length = np.broadcast_to(10.0 * np.arange(1, 9), outcomes.mask.shape).copy()
    length[0, 1:] = np.nan
    length[1] = np.nan
    found = prompts_content(replace(decisions, outcomes=replace(outcomes, length=length)), ids)
    by_id = {row["prompt_id"]: row for row in found["rows"]}
    assert [math.isnan(by_id[ids[place]]["length"]) for place in (0, 1, 2)] == [False, True, False]
    assert (by_id[ids[0]]["length"], by_id[ids[2]]["length"]) == (10.0, 45.0)
    for prompt, row in by_id.items():
        right = int(prompt.removeprefix("prompt ")) % 9
        assert (row["correct"], row["samples"], row["share"]) == (right, 8, right / 8)
    votes = {row["correct"]: row["vote"] for row in found["rows"]}
    # Right samples agree and wrong ones do not, so that more right ones win more often.
    assert sorted(votes.values()) == pytest.approx([votes[right] for right in range(9)])
    assert (votes[0], votes[8]) == pytest.approx((0.0, 1.0))
    assert np.mean([row["vote"] for row in found["rows"]]) == pytest.approx(vote_at(4))
    # From hard to easy, and among equals by name.
    order = [(row["share"], row["prompt_id"]) for row in found["rows"]]
    assert order == sorted(order)
    assert [row["prompts"] for row in found["histogram"]] == [2, 2, 2, 2, 0, 2, 2, 2, 2, 2]
    assert [row["low"] for row in found["histogram"]] == pytest.approx(np.arange(10) / 10)
    assert [row["high"] for row in found["histogram"]] == pytest.approx(np.arange(1, 11) / 10)


def test_the_phase_is_the_frontier_of_the_theory(usual: Diagnosis) -> None:
    theory = usual.groups[0].theory
    assert theory is not None
    assert theory.phase is not None
    pools = pools_of(rows())
    setting = group_setting(Traces(rows()), (pools.dataset, pools.model), HORIZONS[-1], DATA[-1],
                            chi2_radius=1.0, log2_class_size=6.0)  # fmt: skip
    coverages = theory.phase["coverage"]
    np.testing.assert_allclose(coverages, np.geomspace(1e-3, 1.0, 61))
    for place in (0, 30, 60):
        at = homogeneity_frontier(replace(setting, coverage=np.float64(coverages[place])))
        assert theory.phase["frontier"][place] == pytest.approx(float(at) / HORIZONS[-1])
    assert theory.phase["here"] == {
        "sigma_over_h": pytest.approx(float(setting.expert_sd) / HORIZONS[-1]),
        "coverage": 0.2,
        "low": 0.05,
        "high": 0.4,
    }
