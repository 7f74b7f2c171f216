"""Every condition on a number, at and just beyond the ends of its range."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nextafter
from typing import Any

import pytest

from verigap.theory.arrays import host_array
from verigap.theory.bounds import BOUNDS, Setting, assumptions
from verigap.theory.bounds.example import example_setting

TINY, SLACK = 5e-324, 1e-6


def up(value: float) -> float:
    return nextafter(value, inf)


def down(value: float) -> float:
    return nextafter(value, -inf)


# The condition, the number that it is on, where it holds, and where it does not.
ENDS: list[tuple[str, str, list[float], list[float]]] = [
    ("WHOLE_DATA", "data_budget", [1, 2, 64], [0, 0.5, up(1), 63.5, -1]),
    ("WHOLE_DRAWS", "num_candidates", [1, 2, 8], [0, 0.5, up(1), 7.5, -1]),
    ("WHOLE_CLASS", "log2_class_size", [0, 1, 12, 60, 61.5], [-1, 0.5, 11.999]),
    ("CODEWORDS", "log2_class_size", [1, 2, 12, 61.5], [0, 0.5, down(1), 1.2, -1]),
    ("HARD_PROMPTS", "log2_class_size", [1, 2, 12], [0, 0.5, 1.5, 11.999, -1]),
    ("EXPERT_GAINS", "expert_radius", [TINY, 0.04, 1], [0, -1]),
    ("INSIDE_BALL", "expert_radius", [0, 1, 1 + 0.9 * SLACK], [1 + 1.1 * SLACK, 2]),
    ("DELTA", "failure_probability", [TINY, 0.05, down(1)], [0, 1, -0.1, 2]),
    ("COVERAGE", "coverage", [TINY, 0.5, 1], [0, up(1), -0.1]),
    ("COVERED", "coverage", [0.1, 0.5, 0.5 * (1 + 0.9 * SLACK)], [0.5 * (1 + 1.1 * SLACK), 1]),
    ("EXACT_LABELS", "label_error", [0], [TINY, 0.1, 1]),
    ("EXACT_LABELS", "label_noise", [0], [TINY, 0.1]),
    ("ERRING_LABELS", "label_error", [TINY, 0.1, 1], [0, up(1), -0.1]),
    ("NO_NOISE", "label_noise", [0], [TINY, 0.1]),
    ("NOISY_LABELS", "label_noise", [TINY, 0.1, down(0.5)], [0, 0.5, -0.1]),
    ("RETURNS_FIT", "horizon", [64, 100, 64 / (1 + 0.9 * SLACK)], [64 / (1 + 1.1 * SLACK), 32]),
]


def holds(assumption: assumptions.Assumption, **numbers: float) -> bool:
    """Whether it does in the setting of the examples, with other numbers."""
    changed: dict[str, Any] = {name: host_array(float(v)) for name, v in numbers.items()}
    return bool(assumption.holds(replace(example_setting(), **changed)))


@pytest.mark.parametrize(("name", "number", "inside", "outside"), ENDS)
def test_a_condition_holds_on_its_range(
    name: str, number: str, inside: list[float], outside: list[float]
) -> None:
    assumption = getattr(assumptions, name)
    assert [value for value in inside if not holds(assumption, **{number: value})] == []
    assert [value for value in outside if holds(assumption, **{number: value})] == []


def test_noise_alone_is_by_chance() -> None:
    assert not holds(assumptions.NOISY_LABELS, label_noise=0.1, label_error=0.1)


def test_an_expert_gains_where_some_prompt_has_a_spread() -> None:
    from verigap.theory.laws import RewardLaw

    for rows, gains in (([[3, 3], [0, 1]], True), ([[3, 3], [1, 1]], False)):
        law = RewardLaw.equiprobable(host_array([[float(v) for v in row] for row in rows]))
        assert bool(assumptions.EXPERT_GAINS.holds(replace(example_setting(), law=law))) == gains


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("REALISABLE_POLICY", {"realisable": False}),
        ("REALISABLE_REWARD", {"realisable": False}),
        ("RELABELLING", {"game": "other"}),
        ("SAME_LEVEL", {"game": "hard-prompts"}),
        ("SAME_LEVEL", {"law_known": False}),
        ("COVERED", {"law_known": False}),
    ],
)
def test_a_condition_on_what_is_described(name: str, changes: dict[str, Any]) -> None:
    assumption, sound = getattr(assumptions, name), example_setting()
    assert bool(assumption.holds(sound))
    assert not bool(assumption.holds(replace(sound, **changes)))
    assert assumption.needs_law == (name in ("SAME_LEVEL", "COVERED"))


def hard_prompts(coverage: float) -> Setting:
    setting = example_setting(game="hard-prompts")
    return replace(setting, coverage=host_array(coverage))


def test_the_coverage_of_hard_prompts() -> None:
    bound = BOUNDS["VB-LOWER"]
    for coverage, proved in ((0.5, True), (0.25, True), (up(0.5), False), (0.0, False),
                             (-0.25, False)):  # fmt: skip
        assert bool(bound.assumptions_hold(hard_prompts(coverage))) == proved, coverage
