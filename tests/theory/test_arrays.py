"""One source for NumPy and JAX: the same numbers, and nothing of a trace is kept."""

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verigap.theory import BOUNDS, RewardLaw, Setting
from verigap.theory.arrays import (
    _SILENT,
    added_at,
    host_array,
    in_parts,
    on_host,
    one_by_one,
    repeated,
    running_logsumexp,
    running_maximum,
    running_minimum,
    running_sum,
    set_at,
    xlogy,
    xp,
)
from verigap.theory.bounds.vf_lower import hardest_tilt, vf_lower

NUMBERS: dict[str, Any] = {
    "horizon": 64.0,
    "data_budget": 40.0,
    "log2_class_size": 10.0,
    "num_candidates": 4.0,
}
LAWS = {
    "two-level": [[0.0, 64.0]],
    "point mass beside a spread": [[8.0, 8.0, 8.0], [0.0, 3.0, 50.0]],
    "population": np.sort(np.random.default_rng(0).uniform(0, 64, (3, 5)), axis=-1).tolist(),
}


def evaluate(setting: Setting) -> dict[str, tuple[Any, list[Any]]]:
    return {
        name: (bound.value(setting), [a.holds(setting) for a in bound.assumptions])
        for name, bound in BOUNDS.items()
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("law", "expert_radius"),
    [("two-level", None), ("two-level", 0.1), ("point mass beside a spread", None)],
)
def test_every_bound_is_the_same_in_both(law: str, expert_radius: float | None) -> None:
    def setting(array: Callable[[Any], Any]) -> Setting:
        return Setting.from_law(
            RewardLaw.equiprobable(array(LAWS[law])),
            chi2_radius=0.3,
            expert_radius=expert_radius,
            **NUMBERS,
        )

    with np.errstate(all="ignore"):
        host = evaluate(setting(host_array))
    device = jax.device_get(jax.jit(evaluate)(setting(jnp.asarray)))
    for name, (value, held) in host.items():
        assert on_host(value), name
        assert [bool(h) for h in held] == [bool(h) for h in device[name][1]], name
        np.testing.assert_allclose(value, device[name][0], rtol=1e-9, err_msg=name)


def test_the_hardest_tilt_is_that_of_a_fine_grid() -> None:
    setting = Setting.from_law(
        RewardLaw.equiprobable(host_array(LAWS["population"])), chi2_radius=0.9, **NUMBERS
    )
    best = hardest_tilt(setting, vf_lower)
    tilts = np.linspace(0.05, 0.9**0.5, 200)
    values = [vf_lower(setting.with_expert(host_array(tilt**2))) for tilt in tilts]
    found = vf_lower(setting.with_expert(best**2))
    assert found >= max(values) - 1e-9 * abs(max(values))


def test_what_a_trace_computes_is_not_kept() -> None:
    law = RewardLaw.equiprobable(jnp.asarray([0.0, 8.0]))
    traced = jax.jit(lambda scale: scale * law.mean * law.maximum)
    assert float(traced(2.0)) == 64.0
    # Outside, the same law still answers with numbers.
    assert float(law.mean) == 4.0
    assert float(law.maximum) == 8.0


def test_what_numpy_computes_is_computed_once() -> None:
    law = RewardLaw.equiprobable(host_array([0.0, 8.0]))
    assert law.variance is law.variance


@pytest.mark.parametrize(
    ("function", "host"),
    [
        (running_sum, np.cumsum),
        (running_minimum, np.minimum.accumulate),
        (running_maximum, np.maximum.accumulate),
        (running_logsumexp, np.logaddexp.accumulate),
    ],
)
def test_running_values(function: Callable[..., Any], host: Callable[..., Any]) -> None:
    row = np.asarray([0.5, -1.0, 2.0, 0.0])
    for array in (np.asarray, jnp.asarray):
        np.testing.assert_allclose(function(array(row)), host(row), rtol=1e-12)
        backwards = host(row[::-1])[::-1]
        np.testing.assert_allclose(function(array(row), reverse=True), backwards, rtol=1e-12)


def test_changed_copies_leave_the_original() -> None:
    for array in (np.asarray, jnp.asarray):
        zeros = array([0.0, 0.0, 0.0])
        assert set_at(zeros, 1, 2.0).tolist() == [0.0, 2.0, 0.0]
        twice = added_at(zeros, array([0, 0, 2]), array([1.0, 1.0, 5.0]))
        assert twice.tolist() == [2.0, 0.0, 5.0]
        assert zeros.tolist() == [0.0, 0.0, 0.0]


def test_float32_stays_float32() -> None:
    law = RewardLaw.equiprobable(jnp.asarray([0.0, 8.0], jnp.float32))
    setting = Setting.from_law(law, chi2_radius=0.3, **NUMBERS)
    assert setting.log_class.dtype == jnp.float32
    assert vf_lower(setting).dtype == jnp.float32


def test_parts_are_put_together_in_order() -> None:
    sizes = []

    def squares(values: Any) -> Any:
        sizes.append(len(values))
        return values**2

    values = host_array(np.arange(7.0))
    assert in_parts(squares, values, 1 << 15).tolist() == (values**2).tolist()
    assert sizes == [2, 2, 2, 1]
    # What is compiled is traced once; one value may be too much for a part.
    assert in_parts(squares, jnp.asarray(values), 1 << 15).tolist() == (values**2).tolist()
    assert in_parts(squares, values, 1 << 40).tolist() == (values**2).tolist()
    assert sizes == [2, 2, 2, 1, 7, *([1] * 7)]


def test_loops_and_constants() -> None:
    assert repeated(lambda x: 2 * x, np.float64(1.0), 5) == 32.0
    assert float(repeated(lambda x: 2 * x, jnp.asarray(1.0), 5)) == 32.0
    assert xp.pi == np.pi
    assert xlogy(0.0, 0.0) == 0.0
    # No warning, as in JAX.
    assert xp.log(np.zeros(1))[0] == -np.inf


def test_one_by_one_is_the_same_in_numpy_and_jax() -> None:
    pairs = (np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 4.0]))
    seen = []

    def scaled(pair):
        seen.append(pair[0].shape)
        return pair[0] * pair[1]

    expected = [[0.0, 1.0], [4.0, 6.0], [16.0, 20.0]]
    assert one_by_one(scaled, pairs).tolist() == expected
    assert seen == [(2,)] * 3
    found = one_by_one(scaled, tuple(jnp.asarray(part) for part in pairs))
    assert (isinstance(found, jax.Array), found.tolist()) == (True, expected)


@pytest.mark.parametrize("name", sorted(_SILENT - {"arange", "ones", "zeros"}))
def test_what_is_taken_to_be_silent_says_nothing_of_odd_numbers(name: str) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, 5e-324])
    others: dict[str, tuple[Any, ...]] = {
        "broadcast_to": (odd, (2, 7)), "concatenate": ([odd, odd],),
        "maximum": (odd, odd[::-1]), "minimum": (odd, odd[::-1]), "reshape": (odd, (7, 1)),
        "stack": ([odd, odd],), "take_along_axis": (odd, np.arange(7), -1),
        "where": (odd > 0, odd, 1.0),
    }  # fmt: skip
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(xp, name)(*others.get(name, (odd,)))
