"""Numbers as a person reads them, at the edges of every rule."""

from __future__ import annotations

import math

import pytest

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.numbers import (
    chance,
    number,
    percent,
    percent_span,
    spanned,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (999.4, "999"),
        (999.5, "1,000"),
        (-1000.0, "-1,000"),
        (123_456.0, "123,000"),
        (999e6, "999,000,000"),
        (1e9, "1e+09"),
        (-1e9, "-1e+09"),
        (0.012345, "0.0123"),
        (math.inf, "unknown"),
        (-math.inf, "unknown"),
        (NAN, "unknown"),
    ],
)
def test_a_number_has_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_shares_are_in_per_cent() -> None:
    assert (percent(0.12345), percent(1.0), percent(NAN)) == ("12.3 %", "100 %", "unknown")
    assert percent_span(Statistic(0.5, 0.25, 0.75)) == "50 [25, 75] %"
    assert percent_span(Statistic(0.5, NAN, NAN)) == "50 %"
    assert spanned(Statistic(2.0, 1.0, math.inf)) == "2 [1, unknown]"


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (1.0, "above 0.999"),
        (0.9995, "above 0.999"),
        (0.9994, "0.999"),
        (0.5, "0.5"),
        (0.0005, "0.0005"),
        (0.00049, "below 0.001"),
        (0.0, "below 0.001"),
    ],
)
def test_a_probability_is_never_quite_certain(probability: float, text: str) -> None:
    assert chance(probability) == text
