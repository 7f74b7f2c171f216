"""The verdict of the two upper bounds, and what it depends on: WHEN VF WINS, docs/theory.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.bound import Setting
from verigap.theory.bounds.vb_upper import vb_upper
from verigap.theory.bounds.vf_upper import vf_upper
from verigap.theory.frontier.moves import Parameter


def bound_lead(setting: Setting) -> Float[Array, ""]:
    """ln(VF-UPPER / VB-UPPER): positive where verifying has the smaller upper bound.

    Advice and no proof, as an upper bound below another one is.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> from verigap.theory.frontier import bound_lead
      >>> round(float(bound_lead(example_setting())), 3)
      0.789
    """
    return xp.log(vf_upper(setting)) - xp.log(vb_upper(setting))


def moved(setting: Setting, factors: Mapping[str, Float[Array, ""] | float]) -> Setting:
    """The setting with some of its numbers multiplied.

    The leash moves kappa and kappa' together; the expert's moments and the coverage follow the law,
    in the proportion to its own in which they are given.

    Args:
      setting: one setting, without batch axes.
      factors: by "data_budget", "log2_class_size", "coverage", "expert_sd" or "class_radius".

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> from verigap.theory.frontier import moved
      >>> float(moved(example_setting(), {"data_budget": 2.0}).data_budget)
      128.0
    """
    factors = dict(factors)
    stretched = factors.pop("class_radius", None)
    if stretched is not None:
        setting = _with_leash(setting, stretched)
    return replace(setting, **{name: getattr(setting, name) * by for name, by in factors.items()})


def _with_leash(setting: Setting, factor: Float[Array, ""] | float) -> Setting:
    """The setting with both radii multiplied."""
    farther = replace(
        setting,
        class_radius=setting.class_radius * factor,
        expert_radius=setting.expert_radius * factor,
    )
    sd, mean = _expert_moments(setting)
    new_sd, new_mean = _expert_moments(farther)
    given = setting.coverage / setting.law_coverage
    return replace(
        farther,
        expert_sd=xp.where(sd > 0, setting.expert_sd / xp.where(sd > 0, sd, 1.0), 1.0) * new_sd,
        expert_mean_max=setting.expert_mean_max - mean + new_mean,
        coverage=xp.minimum(given * farther.law_coverage, 1.0),
    )


def _expert_moments(setting: Setting) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """sqrt(E_x Var_expert R) and max_x E_expert R of the setting's law."""
    expert = setting.expert
    return xp.sqrt(xp.mean(expert.sd**2)), xp.max(expert.value)


def bound_parameters(
    setting: Setting, at_horizon: Callable[[int], Setting] | None = None
) -> tuple[Parameter, ...]:
    """What the verdict of the bounds depends on, in a setting in NumPy.

    Args:
      setting: one setting, without batch axes.
      at_horizon: the setting at another budget H; by default the law keeps its shape, so that the
        budget moves nothing.

    Returns:
      Traces n, budget H, heterogeneity sigma_e, coverage c0, leash kappa where the law is known,
      and class size d, which is taken as a real number.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> from verigap.theory.frontier import bound_parameters
      >>> [parameter.name for parameter in bound_parameters(example_setting())][-2:]
      ['class_radius', 'log2_class_size']
    """

    def along(name: str) -> Callable[[float], float]:
        now = float(getattr(setting, name))
        return lambda value: float(bound_lead(moved(setting, {name: value / now})))

    def budget(horizon: float) -> float:
        return float(bound_lead(setting if at_horizon is None else at_horizon(int(horizon))))

    horizon = float(setting.horizon)
    names = ["expert_sd", "coverage", "log2_class_size"]
    if setting.law_known:
        names.insert(2, "class_radius")
    highest = {"expert_sd": 0.5 * horizon, "coverage": 1.0}
    lowest = {"log2_class_size": 1.0}
    return (
        Parameter(
            name="data_budget", value=float(setting.data_budget), lead=along("data_budget"),
            low=1.0, whole=True,
        ),
        Parameter(name="horizon", value=horizon, lead=budget, low=1.0, whole=True),
        *(
            Parameter(
                name=name,
                value=float(getattr(setting, name)),
                lead=along(name),
                low=min(lowest.get(name, 0.0), float(getattr(setting, name))),
                high=max(highest.get(name, np.inf), float(getattr(setting, name))),
            )
            for name in names
            if float(getattr(setting, name)) > 0
        ),
    )  # fmt: skip


def bound_elasticities(setting: Setting) -> dict[str, float]:
    """Derivatives of `bound_lead` by the logarithm of each parameter, by automatic differentiation.

    The budget at a fixed shape of the law has elasticity 0 and is left out, as is the leash of a
    law that is not known.

    Args:
      setting: one setting, without batch axes.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> from verigap.theory.frontier import bound_elasticities
      >>> found = bound_elasticities(example_setting())
      >>> round(found["coverage"], 3), found["data_budget"] > 0 > found["log2_class_size"]
      (1.0, True)
    """
    names = ["data_budget", "expert_sd", "coverage", "log2_class_size"]
    if setting.law_known:
        names.append("class_radius")
    slopes = _slopes(jax.tree.map(jnp.asarray, setting), names=tuple(names))
    return dict(zip(names, (float(slope) for slope in slopes), strict=True))


@partial(jax.jit, static_argnames="names")
def _slopes(setting: Setting, *, names: tuple[str, ...]) -> Float[jax.Array, " names"]:
    def lead(logs: Float[jax.Array, " names"]) -> Float[jax.Array, ""]:
        factors = dict(zip(names, jnp.exp(logs), strict=True))
        return jnp.asarray(bound_lead(moved(setting, factors)))

    return jax.grad(lead)(jnp.zeros(len(names), setting.horizon.dtype))
