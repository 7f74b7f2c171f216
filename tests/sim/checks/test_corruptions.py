"""A check of the tight games notices bounds that are wrong by a little, but for a few listed."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from verigap.sim.checks import check
from verigap.sim.checks.corrupted import Caught, catch_corruptions
from verigap.sim.sweeps import read_rows
from verigap.sim.sweeps.cells import load_sweep
from verigap.sim.sweeps.run import run_in_memory
from verigap.theory import BOUNDS, Bound
from verigap.theory.bounds.corruptions import CORRUPTIONS
from verigap.theory.bounds.example import example_setting

CONFIGS = Path(__file__).parents[3] / "configs"

FAR_EXPONENT = "cloning is told twice as fast where the proof is loose as where it is not"
NEGLIGIBLE = "where the bound is met, what n and d enter through is negligible"
MANY_TRACES = "the bound is met for many traces only, where one is less than a per cent"
UNSEEN: dict[tuple[str, str], str] = {
    ("VF-UPPER", "TRACE"): MANY_TRACES,
    ("VF-UPPER-EXPECTATION", "TRACE"): FAR_EXPONENT,
    ("VF-UPPER-EXPECTATION", "EXPONENT"): FAR_EXPONENT,
    ("VF-UPPER-MISSPECIFIED", "TRACE"): FAR_EXPONENT,
    ("VF-UPPER-MISSPECIFIED", "EXPONENT"): FAR_EXPONENT,
    ("VF-LOWER-MEDIAN", "TRACE"): NEGLIGIBLE,
    ("VF-LOWER-MEDIAN", "BIT"): NEGLIGIBLE,
    ("VB-UPPER-PLUG-IN", "TRACE"): MANY_TRACES,
    ("VB-UPPER-BEST-OF-N", "TRACE"): MANY_TRACES,
    ("VB-UPPER-ERRORS-BEST-OF-N", "TRACE"): MANY_TRACES,
    ("SEPARATION", "TRACE"): NEGLIGIBLE,
    ("SEPARATION", "BIT"): NEGLIGIBLE,
    ("SEPARATION-LINEAR", "TRACE"): NEGLIGIBLE,
    ("SEPARATION-LINEAR", "BIT"): NEGLIGIBLE,
}
"""Corruptions that no cell of the tight games shows, and why; docs/bounds.md has the same table."""

ESTIMATED = ("VB-UPPER-MEAN-SQUARE", "VB-UPPER-MEAN-SQUARE-BEST-OF-N")
"""Bounds into which neither n nor d enter: the estimate is given."""


def has_delta(bound: Bound) -> bool:
    """Whether a bound holds except with probability delta."""
    return bound.statistic == "exceedance" and bound.quantity == "risk"


@cache
def tight_run() -> list[dict[str, Any]]:
    """The cells of configs/tight.yaml."""
    return list(run_in_memory(load_sweep(CONFIGS / "tight.yaml")).rows())


@cache
def caught() -> dict[tuple[str, str], Caught]:
    return {(each.bound, each.corruption): each for each in catch_corruptions(tight_run())}


@pytest.mark.long
def test_every_bound_holds_and_a_tenth_would_have_been_seen() -> None:
    report = check(tight_run())
    assert report.ok
    assert [verdict.name for verdict in report.verdicts] == list(BOUNDS)
    for verdict in report.verdicts:
        assert verdict.cells > 0
        factor = verdict.smallest_detectable
        assert factor is not None
        assert (factor < 1.1) if verdict.direction == "lower" else (factor > 0.9), verdict


@pytest.mark.long
@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("bound", BOUNDS)
def test_a_corrupted_bound_is_caught(bound: str, corruption: str) -> None:
    found = caught()[bound, corruption]
    if corruption == "DELTA":
        assert found.changes == has_delta(BOUNDS[bound])
    elif bound in ESTIMATED:
        assert found.changes == (corruption == "TENTH")
    else:
        assert found.changes
    seen = found.changes and (bound, corruption) not in UNSEEN
    assert bool(found.cells) == seen


# A mean, a gap, a frequency, and a bound that holds with probability 1 - delta.
@pytest.mark.parametrize(
    "name", ["VF-LOWER", "VB-UPPER-BEST-OF-N", "SEPARATION", "VF-LOWER-PROBABILITY", "VF-UPPER"]
)
def test_the_printed_factor_is_where_a_bound_begins_to_be_violated(name: str) -> None:
    rows = read_rows("docs/runs/quickstart")[:12]

    def violations(times: float) -> int:
        wrong = replace(BOUNDS[name], value=lambda setting: times * BOUNDS[name].value(setting))
        return check(rows, [wrong]).verdicts[0].violations

    factor = check(rows, [name]).verdicts[0].smallest_detectable
    assert factor is not None
    assert violations(1 + (factor - 1) * (1 + 1e-6)) >= 1
    assert violations(1 + (factor - 1) * (1 - 1e-6)) == 0


@pytest.mark.parametrize("name", BOUNDS)
def test_corruptions_make_bounds_stronger(name: str) -> None:
    bound = BOUNDS[name]
    setting = example_setting(data_budget=9.0, log2_class_size=10.0)
    value = float(bound.value(setting))
    changed = set()
    for corruption in CORRUPTIONS.values():
        wrong = corruption.of(bound)
        assert wrong.name not in BOUNDS
        assert wrong.assumptions == bound.assumptions
        strong = float(wrong.value(setting))
        assert (strong >= value) if bound.direction == "lower" else (strong <= value)
        if strong != value:
            changed.add(corruption.name)
    assert ("DELTA" in changed) == has_delta(bound)
