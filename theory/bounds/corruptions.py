"""Bounds that are wrong by a little on purpose, as a slip in a proof would make them.

A check with power must catch each of them on an instance on which the bound itself is nearly met.
Every corruption makes a bound stronger: a lower one larger, an upper one smaller. The negative
controls (`controls`) are wrong by more, and caught anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds import Bound, Setting

Value = Callable[[Setting], Float[Array, ""]]


@dataclass(frozen=True)
class Corruption:
    """One way to be wrong.

    Attributes:
      name: a word for it, as in the names of corrupted bounds.
      title: what is wrong, in a few words.
      alter: the wrong value of a bound as a function of the setting.
    """

    name: str
    title: str
    alter: Callable[[Bound], Value]

    def of(self, bound: Bound) -> Bound:
        """The bound with a wrong value, under a name of its own; all else is as it was.

        Example:
          >>> from verigap.theory import BOUNDS
          >>> from verigap.theory.bounds.corruptions import CORRUPTIONS
          >>> CORRUPTIONS["TENTH"].of(BOUNDS["VF-LOWER"]).name
          'VF-LOWER CORRUPTED BY TENTH'
        """
        return replace(
            bound,
            name=f"{bound.name} CORRUPTED BY {self.name}",
            title=f"{bound.title}, with {self.title}",
            source="false by design",
            value=self.alter(bound),
        )


def _tenth(bound: Bound) -> Value:
    factor = 1.1 if bound.direction == "lower" else 0.9
    return lambda setting: factor * bound.value(setting)


def _without_delta(bound: Bound) -> Value:
    def value(setting: Setting) -> Float[Array, ""]:
        one = xp.ones_like(setting.failure_probability)
        return bound.value(replace(setting, failure_probability=one))

    return value


def _with_a_trace_more_or_less(bound: Bound) -> Value:
    def altered(setting: Setting, step: float) -> Setting:
        return replace(setting, data_budget=xp.maximum(setting.data_budget + step, 1.0))

    return _stronger(bound, lambda s: altered(s, -1.0), lambda s: altered(s, 1.0))


def _with_a_bit_more_or_less(bound: Bound) -> Value:
    def altered(setting: Setting, step: float) -> Setting:
        return replace(setting, log2_class_size=xp.maximum(setting.log2_class_size + step, 0.0))

    return _stronger(bound, lambda s: altered(s, -1.0), lambda s: altered(s, 1.0))


def _with_half_or_twice_the_exponent(bound: Bound) -> Value:
    def altered(setting: Setting, factor: float) -> Setting:
        traces = xp.maximum(xp.floor(setting.data_budget * factor), 1.0)
        return replace(setting, data_budget=traces)

    return _stronger(bound, lambda s: altered(s, 0.5), lambda s: altered(s, 2.0))


def _stronger(
    bound: Bound, first: Callable[[Setting], Setting], second: Callable[[Setting], Setting]
) -> Value:
    """The stronger of the values in two wrong settings, and not weaker than the bound itself."""
    choose = xp.fmax if bound.direction == "lower" else xp.fmin

    def value(setting: Setting) -> Float[Array, ""]:
        wrong = choose(bound.value(first(setting)), bound.value(second(setting)))
        return choose(wrong, bound.value(setting))

    return value


CORRUPTIONS: dict[str, Corruption] = {
    corruption.name: corruption
    for corruption in (
        Corruption("TENTH", "ten per cent too strong", _tenth),
        Corruption("DELTA", "ln(1/delta) left out", _without_delta),
        Corruption("TRACE", "n - 1 or n + 1 for n", _with_a_trace_more_or_less),
        Corruption("BIT", "a bit of the class too many or too few", _with_a_bit_more_or_less),
        Corruption("EXPONENT", "n/2 or 2n for n", _with_half_or_twice_the_exponent),
    )
}
"""Every corruption by its name."""
