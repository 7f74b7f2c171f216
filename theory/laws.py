"""`RewardLaw`: the law of the return of a trace drawn from the base policy on one prompt."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float

from verigap.theory.arrays import Array, host_array, host_property, xp


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RewardLaw:
    """A finite law of returns, batched over prompts; a pytree, so it passes through jit and vmap.

    Attributes:
      support: possible returns in tokens of correct trace, ascending along the last axis; either
        one support (K,) shared by all prompts or one per prompt, shape (*prompts, K).
      probabilities: their probabilities under the base policy, shape (*prompts, K), each row
        summing to one. Zeros are allowed anywhere.

    The constructor checks nothing, so that it may run on tracers; use `RewardLaw.checked` on data.
    """

    support: Float[Array, "*#prompts K"]
    probabilities: Float[Array, "*prompts K"]

    @classmethod
    def checked(cls, support: ArrayLike, probabilities: ArrayLike) -> RewardLaw:
        """A law from concrete numbers.

        Raises:
          ValueError: empty, non-finite or unsorted support, negative or non-finite probabilities,
            or a row that does not sum to one within 1e-6.
        """
        atoms = np.asarray(support, dtype=np.float64)
        mass = np.asarray(probabilities, dtype=np.float64)
        if atoms.ndim == 0 or mass.ndim == 0 or atoms.shape[-1] == 0:
            raise ValueError("reward law: needs at least one return and its probability")
        if atoms.shape not in {mass.shape, mass.shape[-1:]}:
            raise ValueError(
                f"reward law: support of shape {atoms.shape} does not fit probabilities of shape "
                f"{mass.shape}"
            )
        if not np.isfinite(atoms).all():
            raise ValueError("reward law: a return is not a finite number")
        if (np.diff(atoms, axis=-1) < 0).any():
            raise ValueError("reward law: returns must be in ascending order")
        if not np.isfinite(mass).all() or (mass < 0).any():
            raise ValueError("reward law: a probability is negative or not a finite number")
        total = mass.sum(axis=-1)
        if (np.abs(total - 1) > 1e-6).any():
            worst = float(np.ravel(total)[np.argmax(np.abs(np.ravel(total) - 1))])
            raise ValueError(f"reward law: probabilities sum to {worst:.6g}, not 1")
        return cls(jnp.asarray(atoms), jnp.asarray(mass / total[..., None]))

    @classmethod
    def equiprobable(cls, returns: Float[Array, "*prompts K"]) -> RewardLaw:
        """The law that gives each of the K entries of a row, sorted, probability 1/K."""
        atoms = xp.sort(returns, axis=-1)
        return cls(atoms, xp.full_like(atoms, 1.0 / atoms.shape[-1]))

    def in_numpy(self) -> RewardLaw:
        """The same law in NumPy, float64, on which the theory runs without compiling a program.

        Example:
          >>> import jax.numpy as jnp
          >>> from verigap.theory import RewardLaw
          >>> law = RewardLaw.equiprobable(jnp.asarray([0.0, 8.0])).in_numpy()
          >>> type(law.mean).__module__, float(law.mean)
          ('numpy', 4.0)
        """
        return RewardLaw(host_array(self.support), host_array(self.probabilities))

    @host_property
    def atoms(self) -> Float[Array, "*prompts K"]:
        """The support, repeated for every prompt."""
        return xp.broadcast_to(self.support, self.probabilities.shape)

    @host_property
    def mean(self) -> Float[Array, "*prompts"]:
        """Mean return, the value of the base policy (tokens)."""
        return xp.sum(self.probabilities * self.atoms, axis=-1)

    @host_property
    def variance(self) -> Float[Array, "*prompts"]:
        """Variance of the return (tokens squared); by Lemma 1 the heterogeneity of the base."""
        # Differences of returns are exact where the returns are close; their mean is then small.
        below = self.atoms - self.maximum[..., None]
        charged = self.probabilities > 0
        mean = xp.sum(xp.where(charged, self.probabilities * below, 0.0), axis=-1)
        centred = xp.where(charged, below - mean[..., None], 0.0)
        return xp.sum(self.probabilities * centred**2, axis=-1)

    @host_property
    def sd(self) -> Float[Array, "*prompts"]:
        """Standard deviation of the return (tokens), with gradient 0 at a point mass."""
        variance = self.variance
        positive = variance > 0
        return xp.where(positive, xp.sqrt(xp.where(positive, variance, 1.0)), 0.0)

    @host_property
    def maximum(self) -> Float[Array, "*prompts"]:
        """Largest return of positive probability."""
        return xp.max(xp.where(self.probabilities > 0, self.atoms, -xp.inf), axis=-1)

    @host_property
    def headroom(self) -> Float[Array, "*prompts"]:
        """Largest minus mean return, as a mean of differences, which keeps its digits (tokens)."""
        below = xp.where(self.probabilities > 0, self.maximum[..., None] - self.atoms, 0.0)
        return xp.sum(self.probabilities * below, axis=-1)

    @host_property
    def minimum(self) -> Float[Array, "*prompts"]:
        """Smallest return of positive probability."""
        return xp.min(xp.where(self.probabilities > 0, self.atoms, xp.inf), axis=-1)

    def expectation(self, density_ratio: Float[Array, "*prompts K"]) -> Float[Array, "*prompts"]:
        """Mean return under the policy with this density ratio to the base (tokens)."""
        return xp.sum(self.probabilities * density_ratio * self.atoms, axis=-1)
