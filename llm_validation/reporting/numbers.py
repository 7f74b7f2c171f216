"""Numbers as a person reads them."""

from __future__ import annotations

from collections.abc import Callable

from verigap.llm_validation.intervals import Statistic


def number(value: float) -> str:
    """Three significant digits, no exponent below a billion; "unknown" where there is none."""
    if not abs(value) < float("inf"):
        return "unknown"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{value:.3g}"


def spanned(value: Statistic, written: Callable[[float], str] = number) -> str:
    """The estimate with its interval, where it has one.

    Args:
      value: the statistic.
      written: how each number is written.
    """
    estimate, low, high = map(written, value)
    return estimate if value.low != value.low else f"{estimate} [{low}, {high}]"


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{number(100 * share)} %" if share == share else number(share)


def percent_span(share: Statistic) -> str:
    """A share with its interval, where it has one, in per cent."""
    return f"{spanned(Statistic(*(100 * value for value in share)))} %"


def chance(probability: float) -> str:
    """A probability from finitely many draws: never quite 0 or 1."""
    if probability >= 0.9995:
        return "above 0.999"
    return "below 0.001" if probability < 0.0005 else f"{probability:.3g}"


def counted(count: int, noun: str) -> str:
    """How many there are of something: "1 prompt", "1,024 prompts"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
