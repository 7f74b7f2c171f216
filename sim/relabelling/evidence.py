"""What a learner of the relabelling game may see, one type for each kind of learner.

`Demonstrations` hold how likely each candidate expert makes the n expert traces: no reward is in
them, so a verifier-free learner cannot use one. `Labels` say which candidate rewards agree with
the n labelled base traces. Both list some codewords one by one and sum up the remaining crowd; the
enumerating back end lists them all and leaves the crowd empty.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Demonstrations:
    """Log-likelihoods of codewords given n expert traces.

    Attributes:
      log_likelihood: ln L of every listed codeword (nats); -inf where a trace rules it out.
      log_crowd: ln of the crowd's summed likelihood ratio L.
      log_crowd_square: ln of the crowd's summed L^2.
    """

    log_likelihood: Float[Array, " codewords"]
    log_crowd: Float[Array, ""]
    log_crowd_square: Float[Array, ""]

    @property
    def log_total(self) -> Float[Array, ""]:
        """ln of the likelihood summed over all codewords: the posterior's normaliser."""
        return jnp.logaddexp(jax.nn.logsumexp(self.log_likelihood), self.log_crowd)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Labels:
    """Which codewords agree with the returns of n labelled base traces.

    Attributes:
      consistent: for every listed codeword.
      crowd: number of consistent codewords that are not listed.
    """

    consistent: Bool[Array, " codewords"]
    crowd: Float[Array, ""]

    @property
    def survivors(self) -> Float[Array, ""]:
        """Size of the version space, at least 1: the true codeword is always consistent."""
        return jnp.sum(self.consistent.astype(self.crowd.dtype)) + self.crowd


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Belief:
    """Weights over codewords that sum to one together with the crowd's.

    Attributes:
      weights: of the listed codewords.
      crowd: summed weight of the others.
      crowd_square: their summed squared weight, the variance their fresh columns add.
    """

    weights: Float[Array, " codewords"]
    crowd: Float[Array, ""]
    crowd_square: Float[Array, ""]
