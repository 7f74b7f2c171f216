"""When a bound may be called proved: every condition is a predicate that some setting breaks."""

from dataclasses import replace
from functools import cache, partial
from math import log2

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array

from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.bounds.assumptions import (
    COVERED,
    ERRING_LABELS,
    ESTIMATED_REWARD,
    EXACT_LABELS,
    HARD_PROMPTS,
    MISSPECIFIED_POLICY,
    NOISY_LABELS,
    REALISABLE_POLICY,
    WHOLE_CLASS,
    whole_class_size,
)
from verigap.theory.laws import RewardLaw

HORIZON = 64.0
# Those that suppose true labels, and those whose value is made with c0.
EXACT = [name for name, bound in BOUNDS.items() if EXACT_LABELS in bound.assumptions]
SHARED = [name for name, bound in BOUNDS.items() if COVERED in bound.assumptions]


@jax.jit
def sound(
    log2_class_size: Array | float = 10.0,
    label_error: Array | float = 0.0,
    label_noise: Array | float = 0.0,
) -> Setting:
    """Two-level, alpha = 1/2 at kappa = 1, in which every bound of the game is proved."""
    return Setting.from_law(
        RewardLaw.equiprobable(jnp.asarray([[0.0, HORIZON]])),
        horizon=HORIZON,
        data_budget=64.0,
        log2_class_size=log2_class_size,
        chi2_radius=1.0,
        expert_radius=0.01,
        num_candidates=8.0,
        label_error=label_error,
        label_noise=label_noise,
    )


@jax.jit
def proved(setting: Setting) -> dict[str, Array]:
    return {name: bound.assumptions_hold(setting) for name, bound in BOUNDS.items()}


@partial(jax.jit, static_argnames="name")
def held_one_by_one(name: str, setting: Setting) -> list[Array]:
    return [assumption.holds(setting) for assumption in BOUNDS[name].assumptions]


def claimed(setting: Setting) -> set[str]:
    return {name for name, held in jax.device_get(proved(setting)).items() if held}


@cache
def worlds() -> dict[str, Setting]:
    """Sound settings, and the sound ones with one thing broken."""
    game = sound()
    erring = sound(label_error=jnp.asarray(0.3))
    hard = replace(game, game="hard-prompts", coverage=jnp.asarray(0.25))

    def number(value: float) -> Array:
        return jnp.asarray(value, game.horizon.dtype)

    skewed = RewardLaw(game.law.support, jnp.asarray([[0.9, 0.1]]))
    return {
        "game": game,
        "erring": erring,
        "hard": hard,
        "no such game": replace(game, game="other"),
        "a stand-in for the law": replace(game, law_known=False),
        "a class without the truth": replace(game, realisable=False),
        "half a trace": replace(game, data_budget=number(64.5)),
        "no trace": replace(game, data_budget=number(0.0)),
        "a fractional class": replace(game, log2_class_size=number(0.5)),
        "one codeword": replace(game, log2_class_size=number(0.0)),
        "returns beyond H": replace(game, horizon=number(HORIZON - 1)),
        "unequal traces": replace(game, law=skewed),
        "the base as the expert": replace(game, expert_radius=number(0.0)),
        "an expert outside the ball": replace(game, expert_radius=number(1.5)),
        "too small a spread": replace(game, expert_sd=number(0.0)),
        "certain failure": replace(game, failure_probability=number(1.0)),
        "no coverage": replace(game, coverage=number(0.0)),
        "more coverage than the law": replace(game, coverage=number(1.0)),
        "returns that rounding makes": replace(
            game, law=RewardLaw.equiprobable(jnp.asarray([[HORIZON - 1e-13, HORIZON]]))
        ),
        "half a draw": replace(game, num_candidates=number(1.5)),
        "strong demonstrations": replace(game, expert_radius=number(0.9)),
        "hard prompts all over": replace(hard, coverage=number(0.6)),
        "more hard prompts than fit": replace(hard, log2_class_size=number(200.0)),
        "half a hard prompt": replace(hard, log2_class_size=number(1.5)),
        "hard prompts with wrong labels": replace(hard, label_error=number(0.1)),
        "noisy": sound(label_noise=jnp.asarray(0.3)),
        "erring and noisy": replace(erring, label_noise=number(0.1)),
        "an estimated reward": replace(game, reward_error=number(1.0)),
        "a class near the expert": replace(game, misspecification=number(0.1)),
        "a class that never does what the expert does": replace(
            game, misspecification=number(float("inf"))
        ),
    }


def unattained() -> Setting:
    """An expert that no longer plays the lowest return, so that its ratio has a kink."""
    law = RewardLaw.equiprobable(jnp.asarray([[0.0, 0.5 * HORIZON, HORIZON]]))
    return Setting.from_law(
        law, horizon=HORIZON, data_budget=64.0, log2_class_size=10.0, chi2_radius=1.0
    )


@pytest.mark.long
@pytest.mark.parametrize("name", BOUNDS)
def test_no_assumption_is_always_or_never_true(name: str) -> None:
    made = [*worlds().values(), unattained()]
    rows = np.asarray([jax.device_get(held_one_by_one(name, setting)) for setting in made])
    assert rows.all(axis=1).any(), "no setting in which it is proved"
    for assumption, column in zip(BOUNDS[name].assumptions, rows.T, strict=True):
        assert not column.all(), f"always true: {assumption.text}"


def test_what_is_proved_in_the_sound_worlds() -> None:
    made = worlds()
    errors = {name for name, bound in BOUNDS.items() if ERRING_LABELS in bound.assumptions}
    noisy = {name for name, bound in BOUNDS.items() if NOISY_LABELS in bound.assumptions}
    estimated = {name for name, bound in BOUNDS.items() if ESTIMATED_REWARD in bound.assumptions}
    missing = {name for name, bound in BOUNDS.items() if MISSPECIFIED_POLICY in bound.assumptions}
    assert estimated == {"VB-UPPER-MEAN-SQUARE", "VB-UPPER-MEAN-SQUARE-BEST-OF-N"}
    assert missing == {"VF-UPPER-MISSPECIFIED"}
    exact = set(BOUNDS) - errors - noisy - estimated - missing - {"VB-LOWER"}
    assert claimed(made["game"]) == exact
    assert claimed(made["an estimated reward"]) == exact | estimated
    inside = {name for name, bound in BOUNDS.items() if REALISABLE_POLICY in bound.assumptions}
    assert claimed(made["a class near the expert"]) == (exact - inside) | missing
    assert claimed(made["a class that never does what the expert does"]) == exact - inside
    free = {name for name, b in BOUNDS.items() if b.side == "verifier-free"} - missing
    assert claimed(made["erring"]) == free | errors
    assert claimed(made["noisy"]) == free | noisy
    assert claimed(made["erring and noisy"]) == free
    assert "VB-LOWER" in claimed(made["hard"])
    assert not claimed(made["hard"]) & {"VF-LOWER", "SEPARATION", "VB-UPPER-PLUG-IN"}


def test_a_stand_in_leaves_what_needs_the_law_unchecked() -> None:
    setting = worlds()["a stand-in for the law"]
    asked = {name for name, b in BOUNDS.items() if any(a.needs_law for a in b.assumptions)}
    assert {*SHARED, "VB-UPPER-PLUG-IN"} == asked
    assert not claimed(setting) & asked
    assert not COVERED.can_be_checked(setting)
    assert WHOLE_CLASS.can_be_checked(setting)


@given(st.floats(1e-9, 1.0))
def test_erring_labels_prove_nothing_that_needs_exact_ones(error: float) -> None:
    told = claimed(sound(label_error=jnp.asarray(error)))
    assert not told & set(EXACT)
    assert not claimed(sound(label_noise=jnp.asarray(error))) & set(EXACT)
    gaps = {name for name, bound in BOUNDS.items() if bound.quantity == "gap"}
    verified = {"VB-UPPER", "VB-UPPER-EXPECTATION", "VB-UPPER-PLUG-IN", "VB-UPPER-BEST-OF-N"}
    assert gaps | verified | {"VB-UPPER-SQUARED", "VB-LOWER"} == set(EXACT)


@given(st.floats(1.0001, 2.0), st.floats(1e-3, 1.0))
def test_more_coverage_than_the_law_has_proves_nothing(factor: float, radius: float) -> None:
    made = sound()
    made = replace(made, class_radius=jnp.asarray(radius), expert_radius=jnp.asarray(0.5 * radius))
    own = 1.0 / (1.0 + radius**0.5)
    at_most = claimed(replace(made, coverage=jnp.asarray(own)))
    assert {"VB-UPPER", "VB-UPPER-EXPECTATION", "SEPARATION"} <= at_most
    assert not claimed(replace(made, coverage=jnp.asarray(factor * own))) & set(SHARED)


@given(st.floats(0.0, 20.0))
def test_a_fractional_class_proves_nothing(size: float) -> None:
    whole = abs(2**size - round(2**size)) <= 1e-9 * 2**size
    told = claimed(sound(log2_class_size=jnp.asarray(size)))
    assert whole or not told


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_class_sizes(dtype: str) -> None:
    def whole(*bits: float) -> list[bool]:
        return whole_class_size(jnp.asarray(bits, dtype)).tolist()

    assert all(whole(*(log2(size) for size in (1, 2, 3, 5, 7, 1000))))
    assert all(whole(30.0, 40.5, 52.3, 60.0, 120.0, 200.0, 4096.0))
    assert not any(whole(-1.0, 0.5, 1.5, 2.3, 3.17, float("nan")))
    assert HARD_PROMPTS.holds(replace(sound(), log2_class_size=jnp.asarray(3.0, dtype)))
    assert not HARD_PROMPTS.holds(replace(sound(), log2_class_size=jnp.asarray(3.5, dtype)))


def test_predicates_map_over_cells() -> None:
    cells = jax.vmap(lambda error: sound(label_error=error))(jnp.asarray([0.0, 0.3]))
    held = jax.vmap(BOUNDS["VB-UPPER"].assumptions_hold)(cells)
    assert held.tolist() == [True, False]
