"""First-correct indices standardised in logarithms, and the reward laws of the grid of prompts."""

from __future__ import annotations

import numpy as np
import pytest

from verigap.llm_validation.fitting.cells import HittingTimes, cell_laws, reshaped, standardise
from verigap.llm_validation.fitting.deconvolution import LOG_ODDS


def times(*firsts: list[int]) -> HittingTimes:
    """Of prompts given by the first-correct indices of their successes."""
    prompt = np.repeat(np.arange(len(firsts)), [len(each) for each in firsts])
    values = np.concatenate([np.array(each, int) for each in firsts])
    return standardise(prompt, values, np.ones(values.size, int), len(firsts))


def test_prompts_of_equal_size_split_as_in_an_analysis_of_variance() -> None:
    firsts = np.array([[3, 5, 9, 30], [40, 44, 90, 61], [7, 12, 20, 33]])
    found, logs = times(*firsts.tolist()), np.log(firsts)
    within = logs.var(axis=1, ddof=1).mean()
    between = 4 * logs.mean(axis=1).var(ddof=1)
    assert found.centre == pytest.approx(logs.mean())
    assert found.scale == found.width == pytest.approx(within**0.5)
    np.testing.assert_allclose(
        found.mean_speed, (logs.mean(axis=1) - logs.mean()) / within**0.5, atol=1e-12
    )
    reach = 2.5 * ((between - within) / 4 / within) ** 0.5
    np.testing.assert_allclose(found.speeds, np.linspace(-reach, reach, 9))


def test_unequal_prompts_weigh_as_much_as_they_have_successes() -> None:
    """By the method of moments for unequal groups; prompts without a success have no say."""
    firsts = [[2, 3, 4], [], [50, 70], [90]]
    found = times(*firsts)
    groups = [np.log(each) for each in firsts if each]
    logs, sizes = np.concatenate(groups), np.array([3, 2, 1])
    within = sum(((each - each.mean()) ** 2).sum() for each in groups) / 3
    means = np.array([each.mean() for each in groups])
    effective = 6 - (sizes**2).sum() / 6
    between = (sizes @ (means - logs.mean()) ** 2 - 2 * within) / effective
    # As wide as the grid goes: prompts differ by 3 sd or more.
    assert (between / within) ** 0.5 > 3.0
    assert found.scale == pytest.approx(within**0.5)
    assert found.speeds[-1] == pytest.approx(2.5 * 3.0)
    assert found.mean_speed[1] == 0.0


def test_prompts_alike_have_the_narrowest_grid() -> None:
    assert times([4, 9, 20], [4, 9, 20]).speeds[-1] == pytest.approx(2.5 * 0.4)


def test_one_success_a_prompt_is_spread_within_prompts() -> None:
    found, logs = times([3], [8], [20]), np.log([3.0, 8.0, 20.0])
    assert found.scale == pytest.approx(logs.std())


def test_no_spread_within_prompts_is_measured_between_them() -> None:
    found = times([3, 3], [8, 8])
    assert found.scale == pytest.approx(np.log(8 / 3) / 2)
    assert not found.residuals.any()
    np.testing.assert_allclose(found.mean_speed, [-1.0, 1.0])


def test_residuals_keep_their_mean_and_nearly_their_spread() -> None:
    found = times([3, 5, 9, 30], [40, 44, 90, 61])
    mass = np.diff(np.concatenate([np.linspace(0.0, 0.1, 11), np.linspace(0.1, 1.0, 31)[1:]]))[::-1]
    assert (np.diff(found.residuals) <= 1e-12).all()
    assert mass @ found.residuals == pytest.approx(0.0, abs=1e-12)
    assert mass @ found.residuals**2 == pytest.approx(1.0, rel=0.05)
    # The fastest tenth of eight residuals is within the fastest of them.
    logs = np.log([[3, 5, 9, 30], [40, 44, 90, 61]])
    centred = (logs - logs.mean(axis=1, keepdims=True)) * (4 / 3) ** 0.5 / found.scale
    np.testing.assert_allclose(found.residuals[-10:], centred.min(), rtol=1e-9)


def test_an_index_that_is_always_the_same_is_the_return() -> None:
    found = times([3, 3], [3])
    assert (found.scale, found.speeds.tolist()) == (0.0, [0.0])
    law = cell_laws(found, 8)
    np.testing.assert_allclose(np.unique(law.support), [0.0, 6.0])
    success = 1.0 / (1.0 + np.exp(-LOG_ODDS))
    np.testing.assert_allclose(law.probabilities[:, 0], 1.0 - success, atol=1e-12)
    np.testing.assert_allclose(law.probabilities.sum(axis=1), 1.0, atol=1e-12)


def test_returns_of_a_cell_by_hand() -> None:
    """Speeds outside, residuals inside; returns of successes are from 1 to H."""
    found, shape = times([3, 5, 9, 30], [40, 44, 90, 61]), times([2, 4], [5, 20])
    moved = reshaped(found, shape)
    assert (moved.centre, moved.scale, moved.width) == (found.centre, found.scale, shape.scale)
    support = np.asarray(cell_laws(moved, 40).support).reshape(LOG_ODDS.size, 9, -1)
    for speed, residual in ((0, 5), (4, 20), (8, 39)):
        log = found.centre + found.scale * found.speeds[speed]
        first = np.exp(log + shape.scale * shape.residuals[residual])
        by_hand = min(max(40 - first + 1, 1.0), 40.0)
        np.testing.assert_allclose(support[:, speed, 1 + residual], by_hand)
    assert not support[..., 0].any()
