"""VB-LOWER's own instance: rare prompts that hide one bit each, against the Bayes learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from verigap.sim.attacks.space import BoundedQuantity, Exact, Parameter, SearchSpace, Values
from verigap.sim.attacks.spaces.success_law import (
    HORIZON,
    NEVER_FAILING,
    SUCCESS,
    enumerable,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.risks import hard_prompt_mass, hard_prompts_vb_risk


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    traces, coverage = values["data_budget"], values["success"]
    mass = hard_prompt_mass(traces, coverage)
    risk = hard_prompts_vb_risk(
        values["horizon"], traces, values["log2_class_size"], coverage, mass
    )
    return BoundedQuantity(
        replace(success_setting(values, game="hard-prompts"), coverage=coverage), risk
    )


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    if not enumerable(values, most_rivals=1024):
        return None
    traces, coverage = values["data_budget"], values["success"]
    mass = 1 / (2 * coverage * (traces + 1))
    silent = (1 - 2 * coverage * mass) ** int(traces)
    return Exact(values["log2_class_size"] * mass * values["horizon"] / 2 * silent)


SPACE = SearchSpace(
    name="hard-prompts",
    title="rare prompts that hide one bit each, against the Bayes learner",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=1e6, logarithmic=True, whole=True),
        Parameter(name="log2_class_size", low=1.0, high=64.0, logarithmic=True, whole=True),
        SUCCESS,
        NEVER_FAILING,
        HORIZON,
    ),
    bounds=("VB-LOWER",),
    measure=_measure,
    exact=_exact,
)
