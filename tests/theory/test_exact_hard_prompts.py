"""VB-LOWER's instance by enumeration: every bit, every sample, the best play of each posterior."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Array, Float

from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.families import two_level
from verigap.theory.risks.hard_prompts import hard_prompts_vb_risk, hard_prompts_vf_risk

Number = Float[Array, ""]
HORIZON = 8


@jax.jit
def formulas(
    traces: Number, prompts: Number, coverage: Number, mass: Number
) -> tuple[Number, Number, Number, Array]:
    """Both risks, VB-LOWER, and whether its assumptions hold."""
    horizon = jnp.asarray(float(HORIZON))
    setting = Setting.from_law(
        two_level(jnp.ones(1), jnp.ones(1)),
        horizon=horizon,
        data_budget=traces,
        log2_class_size=prompts,
        chi2_radius=1.0,
        game="hard-prompts",
    )
    setting = replace(setting, coverage=coverage)
    bound = BOUNDS["VB-LOWER"]
    return (
        hard_prompts_vb_risk(horizon, traces, prompts, coverage, mass),
        hard_prompts_vf_risk(horizon, traces, prompts, mass),
        bound.value(setting),
        bound.assumptions_hold(setting),
    )


def hard_prompt_risks(
    prompts: int, traces: int, coverage: Fraction, mass: Fraction
) -> tuple[Fraction, Fraction]:
    """Bayes risks on VB-LOWER's instance: every bit, every sample, best play of each posterior."""
    codes = list(product((0, 1), repeat=prompts))
    # A verifier sees (prompt, trace set, whether it pays); a cloner (prompt, the paying set).
    labelled = [(k, s) for k in range(prompts) for s in (0, 1, 2)] + [(-1, 0)]
    chances = {
        (k, s): mass * (coverage if s < 2 else 1 - 2 * coverage) if k >= 0 else 1 - prompts * mass
        for k, s in labelled
    }
    risks = []
    for cloner in (False, True):
        posterior: dict[tuple, dict[tuple, Fraction]] = {}
        for code in codes:
            samples = [(k, code[k]) for k in range(prompts)] + [(-1, 0)] if cloner else labelled
            for drawn in product(samples, repeat=traces):
                chance = Fraction(1, len(codes))
                for k, s in drawn:
                    here = mass if k >= 0 else 1 - prompts * mass
                    chance *= here if cloner else chances[(k, s)]
                seen = drawn if cloner else tuple((k, s, k >= 0 and code[k] == s) for k, s in drawn)
                weights = posterior.setdefault(seen, {})
                weights[code] = weights.get(code, Fraction(0)) + chance
        lost = Fraction(0)
        for weights in posterior.values():
            for k in range(prompts):
                sides = [sum(p for code, p in weights.items() if code[k] == b) for b in (0, 1)]
                lost += mass * HORIZON * min(sides)
        risks.append(lost)
    return risks[0], risks[1]


@pytest.mark.parametrize(("prompts", "traces"), [(1, 1), (1, 3), (2, 2), (2, 3), (3, 2)])
@pytest.mark.parametrize("coverage", [Fraction(1, 2), Fraction(3, 10)])
def test_hard_prompts(prompts: int, traces: int, coverage: Fraction) -> None:
    hardest = 1 / (2 * coverage * (traces + 1))
    mass = min(hardest, Fraction(1, prompts))
    verifier, cloner = hard_prompt_risks(prompts, traces, coverage, mass)
    parts = (traces, prompts, coverage, mass)
    vb, vf, bound, held = formulas(*(jnp.asarray(float(part)) for part in parts))
    assert float(vb) == pytest.approx(float(verifier))
    assert float(vf) == pytest.approx(float(cloner))
    assert bool(held) == (mass == hardest)
    if held:
        assert float(bound) <= float(verifier)
