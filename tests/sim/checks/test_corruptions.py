"""Corrupted bounds are stronger, and a check says from which factor on one is violated.

tests/cli/test_tight.py has those that a check of the tight games notices.
"""

from dataclasses import replace

import pytest

from verigap.sim.checks import check
from verigap.sim.sweeps import read_rows
from verigap.theory import BOUNDS, Bound
from verigap.theory.bounds.corruptions import CORRUPTIONS
from verigap.theory.bounds.example import example_setting


def has_delta(bound: Bound) -> bool:
    """Whether a bound holds except with probability delta."""
    return bound.statistic == "exceedance" and bound.quantity == "risk"


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
