"""Where a group stands: the bounds at its median coverage, the game on its laws, and intervals."""

import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from tests.llm_validation.reporting.builders import rows
from verigap.llm_validation.fitting.population import Coverage
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting import standing_game
from verigap.llm_validation.predicting.relabelling import labelling_shares
from verigap.llm_validation.predicting.standing import GroupStanding, group_standing
from verigap.llm_validation.predicting.standing_bounds import group_setting
from verigap.llm_validation.traces import Traces
from verigap.theory import RewardLaw, Setting
from verigap.theory.arrays import host_array
from verigap.theory.frontier import MARGIN, bound_lead
from verigap.theory.lattice_ends import label_ends
from verigap.theory.risks import survivor_share

HORIZON, N, D = 64, 32, 6.0
NONE = float("nan")


def _traces() -> Traces:
    return Traces(rows(), "traces.parquet")


def _coverage(median: float) -> tuple[Coverage, ...]:
    unknown = Statistic(NONE, NONE, NONE)
    return tuple(
        Coverage(at, unknown, NONE, {0.1: NONE, 0.5: median / at**0.5, 0.9: NONE}, unknown)
        for at in (0.25, 1.0, 2.0)
    )


def _setting() -> Setting:
    return group_setting(_traces(), ("d", "m"), HORIZON, N, chi2_radius=1.0, log2_class_size=D)


def _learning(rate: float, law: RewardLaw, data_budget: int, sizes) -> np.ndarray:
    """A share that is known: n traces tell so many of d bits, on laws of a larger H more."""
    told = rate * data_budget * float(np.asarray(law.atoms).max()) / HORIZON
    return np.asarray([1.0 / (1.0 + np.exp2(d - told)) for d in sizes])


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cloning learns a bit from 8 traces at kappa = 1, verifying from 4 at any."""
    monkeypatch.setattr(
        standing_game,
        "cloning_shares",
        lambda law, leash, n, sizes, seed: _learning(leash.radius / 8, law, n, sizes),
    )
    monkeypatch.setattr(
        standing_game,
        "labelling_shares",
        lambda law, n, sizes: _learning(1 / 4, law, n, sizes).tolist(),
    )


def _stand(median: float = 0.05, **changes) -> GroupStanding:
    found = group_standing(
        _traces(),
        replace(_setting(), **changes),
        log2_class_size=Statistic(D, 4.0, 9.0),
        coverage=_coverage(median),
        seed=0,
    )
    assert found is not None
    return found


@pytest.mark.parametrize("correct", [False, True])
def test_where_the_expert_adds_nothing_nobody_leads(correct: bool) -> None:
    """All samples of a prompt earn the same: 0, or as much as each other."""
    frame = rows(correct=correct, first_correct=5 if correct else None, n_tokens=32)
    setting = group_setting(
        Traces(frame, "t"), ("d", "m"), HORIZON, N, chi2_radius=1.0, log2_class_size=D
    )
    found = group_standing(
        Traces(frame, "t"), setting, log2_class_size=Statistic(D, NONE, NONE),
        coverage=_coverage(NONE), seed=0,
    )  # fmt: skip
    assert found is None


def test_the_bounds_are_those_of_the_median_coverage(played: None) -> None:
    found = _stand().bounds
    assert found is not None
    placed = replace(_setting(), coverage=np.asarray(0.05))
    assert found.lead == pytest.approx(float(bound_lead(placed)))
    assert found.side == "cloning"
    # The lead is that of the coverage but for a constant.
    assert found.move("coverage").factor == pytest.approx(math.exp(-found.lead), rel=1e-6)
    assert found.move("coverage").becomes == "verifying"
    # The leash takes the coverage that was fitted at other radii.
    doubled = found.move("class_radius").doubled
    law = replace(_setting(), class_radius=host_array(2.0)).with_expert(host_array(2.0))
    there = replace(law, coverage=np.asarray(0.05 / 2**0.5))
    assert doubled == pytest.approx(float(bound_lead(there)))
    assert "horizon" not in [move.parameter for move in found.moves]


def test_intervals_hold_the_estimate_and_come_from_the_spread_of_prompts(played: None) -> None:
    found = _stand()
    assert found.bounds is not None
    interval = found.intervals["bounds", "coverage"]
    assert interval.low < interval.estimate < interval.high
    sd = np.asarray(_setting().expert.sd)
    # The heterogeneity of resampled prompts moves the lead, and so the factor, by its logarithm.
    spread = np.std(sd**2) / np.mean(sd**2) / 2 / len(sd) ** 0.5
    slope = found.bounds.move("expert_sd").elasticity
    width = math.log(interval.high / interval.low)
    assert width == pytest.approx(2 * 1.96 * slope * spread, rel=0.4)
    assert found.agreement["bounds"] == 1.0
    assert _stand().intervals == found.intervals


def test_the_game_s_moves_end_where_the_shares_cross(played: None) -> None:
    found = _stand()
    told = np.exp2(D - np.asarray([N / 8, N / 4]))
    shares = 1.0 / (1.0 + told)
    assert (found.cloning, found.verifying) == pytest.approx(tuple(shares))
    assert found.game.side == "verifying"
    # Cloning leads where its expert tells more than a label, from kappa = 2 on.
    leash = found.game.move("class_radius")
    assert leash.becomes == "cloning"
    assert leash.at is not None
    assert 2.0 < leash.at < 2.3
    # Fewer traces tell neither, many tell both; nothing makes cloning lead.
    for name in ("data_budget", "horizon"):
        move = found.game.move(name)
        assert move.becomes == "neither"
        assert move.factor is not None
        assert 1 < move.factor < 4
    assert found.game.margin == MARGIN
    assert found.longest == _traces().frame["n_tokens"].max()


def test_replicates_learn_at_the_rates_of_their_prompts(played: None) -> None:
    found = _stand()
    assert 0.9 < found.agreement["game"] <= 1.0
    interval = found.intervals["game", "data_budget"]
    assert interval.low < interval.estimate < interval.high


@pytest.mark.parametrize("median", [0.0, NONE])
def test_without_a_coverage_there_is_no_verdict_of_the_bounds(played: None, median: float) -> None:
    found = _stand(median)
    assert found.bounds is None
    assert set(found.agreement) == {"game"}
    assert all(which == "game" for which, _ in found.intervals)


def test_one_prompt_has_no_intervals(played: None) -> None:
    traces = Traces(rows(prompts=2).filter(pl.col("prompt_id") == "prompt 1"), "t")
    setting = group_setting(traces, ("d", "m"), HORIZON, N, chi2_radius=1.0, log2_class_size=D)
    found = group_standing(
        traces,
        setting,
        log2_class_size=Statistic(D, NONE, NONE),
        coverage=_coverage(0.2),
        seed=0,
    )
    assert found is not None
    assert found.intervals == {}
    assert all(math.isnan(share) for share in found.agreement.values())


def test_labelling_shares_are_those_of_the_labels_law() -> None:
    law = RewardLaw.equiprobable(jnp.asarray([[0.0, 0.0, 0.0, 8.0], [0.0, 4.0, 8.0, 8.0]]))
    sizes = [2.0, 8.0]
    found = labelling_shares(law, 8, sizes)
    exact = label_ends(
        RewardLaw(host_array(law.atoms), host_array(law.probabilities)), host_array(8.0)
    )
    assert bool(exact.exact)
    expected = [float(survivor_share(exact.low, host_array(d))) for d in sizes]
    assert found == pytest.approx(expected, abs=2e-3)
