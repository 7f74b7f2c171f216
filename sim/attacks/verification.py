"""One instance, evaluated again in float64 without JAX and, where it is finite, in fractions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from verigap.sim.attacks.space import SearchSpace, closeness
from verigap.sim.attacks.spaces import SPACES
from verigap.theory import BOUNDS, Bound
from verigap.theory.arrays import host_array
from verigap.theory.bounds.controls import CONTROLS

# Bounds are rounded outwards by less than this, and lattices leave as much.
_ROUNDING = 1e-9


def attacked_bound(name: str) -> Bound:
    """The bound, or negative control, of a registry name.

    Raises:
      ValueError: there is none, or no search space is for it.

    Example:
      >>> from verigap.sim.attacks.verification import attacked_bound
      >>> attacked_bound("VB-LOWER").direction
      'lower'
    """
    bound = BOUNDS.get(name) or CONTROLS.get(name)
    known = ", ".join([*BOUNDS, *CONTROLS])
    if bound is None:
        raise ValueError(f"bound: there is no {name!r}; one of {known}")
    if not any(name in space.bounds for space in SPACES.values()):
        raise ValueError(f"bound: no search space is for {name}; add it to one in sim/attacks")
    return bound


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance of a search space, as files and commands name it.

    Attributes:
      bound: name of the bound, or control.
      space: name of the space.
      values: every parameter of the space in its own unit.
    """

    bound: str
    space: str
    values: Mapping[str, float]

    @property
    def text(self) -> str:
        """The space and the values, SPACE:parameter=value,..."""
        numbers = ",".join(f"{name}={value:.9g}" for name, value in self.values.items())
        return f"{self.space}:{numbers}"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An instance and how near it comes to breaking its bound.

    Attributes:
      instance: that was evaluated.
      value: of the bound; tokens, or a probability.
      quantity: that it bounds, at the end which makes a violation certain.
      closeness: the quantity over an upper bound, a lower bound over the quantity.
      in_fractions: the same with the exact quantity in rational arithmetic; None where it takes too
        long or is irrational.
      failing_assumptions: of the bound, apart from those that hold by construction.
      violated: whether the bound is broken, by more than rounding, with all assumptions met.
    """

    instance: Instance
    value: float
    quantity: float
    closeness: float
    in_fractions: float | None
    failing_assumptions: tuple[str, ...]
    violated: bool


def _checked_space(instance: Instance) -> SearchSpace:
    space = SPACES.get(instance.space)
    if space is None or instance.bound not in space.bounds:
        known = ", ".join(n for n, s in SPACES.items() if instance.bound in s.bounds)
        raise ValueError(
            f"instance: {instance.space!r} is no search space of {instance.bound}; one of {known}"
        )
    names = {parameter.name for parameter in space.parameters}
    if names != instance.values.keys():
        raise ValueError(
            f"instance: {space.name} has the parameters {', '.join(sorted(names))}, not "
            f"{', '.join(sorted(instance.values))}"
        )
    for parameter in space.parameters:
        value = instance.values[parameter.name]
        slack = 1e-8 * abs(value)
        if not parameter.low - slack <= value <= parameter.high + slack:
            raise ValueError(
                f"instance: {parameter.name} must be {parameter.low:g} to {parameter.high:g}, "
                f"not {value:g}"
            )
        if parameter.whole and value != round(value):
            raise ValueError(f"instance: {parameter.name} must be whole, not {value:g}")
    return space


@np.errstate(all="ignore")
def verify(instance: Instance) -> Finding:
    """Evaluate an instance in float64 and, where it is finite, in fractions.

    Raises:
      ValueError: the bound, the space or a value is none of the registered ones.

    Example:
      >>> from verigap.sim.attacks import Instance, verify
      >>> values = {
      ...     "data_budget": 7.0, "log2_class_size": 1.0, "prompt_share": 0.5, "success": 0.25,
      ...     "expert_share": 1.0, "horizon": 8.0,
      ... }
      >>> instance = Instance(
      ...     bound="VB-UPPER-EXPECTATION", space="disjoint-rivals-pessimism", values=values
      ... )
      >>> found = verify(instance)
      >>> round(found.closeness, 9), found.violated
      (1.0, False)
    """
    bound = attacked_bound(instance.bound)
    space = _checked_space(instance)
    numbers = {name: host_array(value) for name, value in instance.values.items()}
    setting, quantity = space.measure(bound, numbers)
    value = bound.value(setting)
    near = float(closeness(bound, value, quantity))
    failing = tuple(
        assumption.text
        for assumption in bound.assumptions
        if assumption not in space.declared and not bool(assumption.holds(setting))
    )
    exact = space.exact(bound, {name: Fraction(v) for name, v in instance.values.items()})
    in_fractions = None
    if exact is not None:
        certain = exact.chance > Fraction(float(setting.failure_probability))
        counted = exact.quantity if exact.chance == 1 or certain else Fraction(0)
        in_fractions = _closeness_in_fractions(bound, float(value), counted)
    judged = near if in_fractions is None else in_fractions
    return Finding(
        instance=instance,
        value=float(value),
        quantity=float(quantity),
        closeness=near,
        in_fractions=in_fractions,
        failing_assumptions=failing,
        violated=not failing and judged > 1.0 + _ROUNDING,
    )


def _closeness_in_fractions(bound: Bound, value: float, quantity: Fraction) -> float:
    if not math.isfinite(value):
        return 0.0
    inner, outer = Fraction(value), quantity
    if bound.direction == "upper":
        inner, outer = outer, inner
    if inner <= 0:
        return 0.0
    return float(inner / outer) if outer > 0 else math.inf
