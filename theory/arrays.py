"""NumPy or JAX: every function here runs in the one whose arrays it is given.

The formulas of the theory are written once, against `xp`. On NumPy arrays they run at once, in
float64, with nothing to compile, which suits one answer; on JAX arrays, traced ones included, they
can be compiled, batched and differentiated, which suits a grid of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special as device_special
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    # What a type checker can know of both: NumPy's arrays do all that is asked of JAX's here.
    import jax.numpy as xp
    from jax import Array
else:
    Array = jax.Array | np.ndarray | np.generic

# By exact type: this is asked before every operation.
_PLAIN = frozenset({np.ndarray, np.float64, np.float32, np.int64, np.bool_, float, int, bool, str})
_State = TypeVar("_State")


def on_host(*values: Any) -> bool:
    """Whether no JAX array is among the values, nor inside of them: lists, tuples, pytrees.

    Example:
      >>> import jax.numpy as jnp
      >>> import numpy as np
      >>> on_host(np.zeros(2), 1.0), on_host([np.zeros(2), jnp.zeros(2)])
      (True, False)
    """
    for value in values:
        if type(value) in _PLAIN:
            continue
        if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(value)):
            return False
    return True


def host_array(values: ArrayLike) -> Array:
    """The values as a NumPy array of float64, on which all of the theory runs without JAX.

    Example:
      >>> from verigap.theory import RewardLaw
      >>> type(RewardLaw.equiprobable(host_array([0.0, 8.0])).mean).__module__
      'numpy'
    """
    array: Any = np.asarray(values, np.float64)
    return array


def either(
    host: Callable[..., Any], device: Callable[..., Any], *, warns: bool = True
) -> Callable[..., Any]:
    """The function of NumPy where no argument is a JAX array, else that of JAX.

    Args:
      host: takes and returns NumPy arrays; what it says of zeros and overflows is left unsaid, as
        JAX does.
      device: the same in JAX.
      warns: whether there may be something to leave unsaid.
    """
    if not warns:

        @functools.wraps(host)
        def silent(*args: Any, **kwargs: Any) -> Any:
            if on_host(*args, *kwargs.values()):
                return host(*args, **kwargs)
            return device(*args, **kwargs)

        return silent

    @functools.wraps(host)
    def function(*args: Any, **kwargs: Any) -> Any:
        if on_host(*args, *kwargs.values()):
            with np.errstate(all="ignore"):
                return host(*args, **kwargs)
        return device(*args, **kwargs)

    return function


class host_property(functools.cached_property[Any]):
    """A property that is computed once where its value is in NumPy, and anew where it is in JAX.

    What is computed while a program is traced belongs to that trace, and may not be kept.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None or self.attrname is None:
            return super().__get__(instance, owner)
        return kept(instance, self.attrname, lambda: self.func(instance))


def kept(owner: Any, name: str, compute: Callable[[], Any]) -> Any:
    """What is computed, and is kept under a name where it is in NumPy.

    Args:
      owner: keeps it, and holds all that it depends on.
      name: that it is kept under.
      compute: what computes it.
    """
    if name in vars(owner):
        return vars(owner)[name]
    value = compute()
    if on_host(value):
        vars(owner)[name] = value
    return value


# What neither computes new numbers nor casts them never warns. Most calls are of these.
_SILENT = frozenset({
    "abs", "all", "any", "arange", "argmax", "argmin", "broadcast_to", "ceil", "concatenate",
    "flatnonzero", "flip", "floor", "isfinite", "maximum", "minimum", "ones", "ones_like",
    "reshape", "sort", "stack", "take_along_axis", "where", "zeros", "zeros_like",
})  # fmt: skip


class _Namespace:
    """What NumPy and `jax.numpy` have in common, by name."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if callable(found) and not isinstance(found, type):
            found = either(found, getattr(jnp, name), warns=name not in _SILENT)
        # Found without this method from now on.
        setattr(self, name, found)
        return found


if not TYPE_CHECKING:
    xp = _Namespace()


def _scipy(name: str) -> Callable[..., Any]:
    def host(*args: Any) -> Any:
        # Not at the top: it takes a while, and much of the theory does without.
        from scipy import special

        return getattr(special, name)(*args)

    return either(host, getattr(device_special, name))


gammaln, rel_entr, xlogy, xlog1py = (
    _scipy(name) for name in ("gammaln", "rel_entr", "xlogy", "xlog1py")
)


def _accumulate(ufunc: np.ufunc) -> Callable[..., np.ndarray]:
    def host(values: np.ndarray, *, reverse: bool = False) -> np.ndarray:
        if reverse:
            return np.flip(ufunc.accumulate(np.flip(values, -1), axis=-1), -1)
        return ufunc.accumulate(values, axis=-1)

    return host


def _running(name: str) -> Callable[..., jax.Array]:
    def device(values: jax.Array, *, reverse: bool = False) -> jax.Array:
        return getattr(lax, name)(values, axis=values.ndim - 1, reverse=reverse)

    return device


running_sum = either(_accumulate(np.add), _running("cumsum"))
"""Sums of the first entries along the last axis; with `reverse`, of the last ones."""
running_minimum = either(_accumulate(np.minimum), _running("cummin"))
"""Smallest of the first entries along the last axis; with `reverse`, of the last ones."""
running_maximum = either(_accumulate(np.maximum), _running("cummax"))
"""Largest of the first entries along the last axis; with `reverse`, of the last ones."""
running_logsumexp = either(_accumulate(np.logaddexp), _running("cumlogsumexp"))
"""ln of sums of exponentials of the first entries along the last axis; `reverse`: of the last."""

no_gradient = either(lambda value: value, lax.stop_gradient)
"""The value, of which derivatives are 0."""
complex_numbers = either(lambda real, imaginary: real + 1j * imaginary, lax.complex)
"""Complex numbers from their two parts."""
rfft = either(np.fft.rfft, jnp.fft.rfft)
"""Fourier transform of real numbers along the last axis."""
irfft = either(np.fft.irfft, jnp.fft.irfft)
"""Real numbers from their Fourier transform and their count."""


def _set_on_host(values: np.ndarray, index: Any, new: Any) -> np.ndarray:
    changed = np.array(values)
    changed[index] = new
    return changed


def _added_on_host(values: np.ndarray, index: Any, more: Any) -> np.ndarray:
    changed = np.array(values)
    np.add.at(changed, index, more)
    return changed


as_in = either(
    lambda value, model: np.asarray(value, model.dtype),
    lambda value, model: jnp.asarray(value, model.dtype),
)
"""The value as an array of the library and the dtype of another array."""

set_at = either(_set_on_host, lambda values, index, new: jnp.asarray(values).at[index].set(new))
"""A copy of the first array with the entries at an index replaced."""
added_at = either(
    _added_on_host, lambda values, index, more: jnp.asarray(values).at[index].add(more)
)
"""A copy of the first array with terms added at an index, each as often as it is named."""


def of_each(
    function: Callable[[Any], Array], values: Array, *, inside: Any = ()
) -> jax.Array | np.ndarray:
    """The function of every entry along the first axis, stacked.

    Args:
      function: of one entry.
      values: along the first axis.
      inside: what else the function reads, which may hold JAX arrays.
    """
    if on_host(values, inside):
        return np.stack([np.asarray(function(value)) for value in np.asarray(values)])
    return jax.vmap(function)(jnp.asarray(values))


def one_by_one(
    function: Callable[[Any], Array], values: Any, *, inside: Any = ()
) -> jax.Array | np.ndarray:
    """The function of every entry along the first axis, stacked, with the memory of one.

    Args:
      function: of one entry of each array.
      values: a pytree of arrays, all as long along the first axis.
      inside: what else the function reads, which may hold JAX arrays.
    """
    if not on_host(values, inside):
        return lax.map(function, values)
    leaves, shape = jax.tree.flatten(values)
    entries = zip(*leaves, strict=True)
    return np.stack([np.asarray(function(jax.tree.unflatten(shape, entry))) for entry in entries])


_MOST_AT_ONCE = 1 << 16


def in_parts(
    function: Callable[[Any], Array], values: Array, size: int, *, inside: Any = ()
) -> jax.Array | np.ndarray:
    """The function of all entries along the first axis, in NumPy of as many as fit into the cache.

    Args:
      function: of some of the entries, stacked along the first axis, as what it returns is.
      values: along the first axis.
      size: numbers that the function computes with for one entry.
      inside: what else the function reads, which may hold JAX arrays.
    """
    if not on_host(values, inside):
        return function(values)
    step = max(_MOST_AT_ONCE // max(size, 1), 1)
    parts = [function(values[start : start + step]) for start in range(0, len(values), step)]
    return np.concatenate(parts)


def repeated(
    step: Callable[[_State], _State], start: _State, times: int, *, inside: Any = ()
) -> _State:
    """What a step makes of a state when it is taken so often.

    Args:
      step: from one state, a pytree, to the next.
      start: the first state.
      times: at least 0.
      inside: what else the step reads, which may hold JAX arrays.
    """
    if not on_host(start, inside):
        # A loop, so that the step is traced and compiled once.
        return lax.fori_loop(0, times, lambda _, state: step(state), start)
    for _ in range(times):
        start = step(start)
    return start
