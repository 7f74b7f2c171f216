"""The VB-LOWER instance: rare prompts, each with a hidden bit about which trace set pays H.

Under the base, either trace set of a hard prompt has mass c; all other traces pay nothing.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt

from verigap.theory.risks.hard_prompts import hard_prompt_mass


@partial(jax.jit, static_argnames=("replicates", "most_prompts", "most_traces"))
def hard_prompt_risks(
    key: PRNGKeyArray,
    horizon: Float[Array, ""],
    coverage: Float[Array, ""],
    hard_prompts: Float[Array, ""],
    traces: Float[Array, ""],
    *,
    replicates: int,
    most_prompts: int,
    most_traces: int,
) -> dict[str, Float[Array, " replicates"]]:
    """Risks of the Bayes learners of either kind, one a replicate (tokens).

    A verifier-based learner knows a prompt's bit once a labelled base trace fell into one of its
    two trace sets; a verifier-free one, once it saw any demonstration of the prompt. An unknown bit
    costs half of H on that prompt.

    Args:
      key: PRNG key.
      horizon: H, tokens.
      coverage: c in (0, 1/2].
      hard_prompts: d, at most `most_prompts`.
      traces: n, at most `most_traces`.
      replicates: number of plays.
      most_prompts: static size, so that one program serves many cells.
      most_traces: likewise.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim import hard_prompt_risks
      >>> horizon, coverage, prompts, traces = (jnp.asarray(x) for x in (16.0, 0.1, 8.0, 320.0))
      >>> risks = hard_prompt_risks(
      ...     jax.random.key(0), horizon, coverage, prompts, traces,
      ...     replicates=4, most_prompts=8, most_traces=320,
      ... )
      >>> {learner: values.shape for learner, values in risks.items()}
      {'vb-hard-prompts': (4,), 'vf-hard-prompts': (4,)}
    """
    mass = hard_prompt_mass(traces, coverage)
    cost = mass * 0.5 * horizon
    drawn = jnp.arange(most_traces, dtype=horizon.dtype) < traces
    hard = jnp.arange(most_prompts, dtype=horizon.dtype) < hard_prompts

    def unknown(key: PRNGKeyArray, telling: Bool[Array, " traces"]) -> Float[Array, ""]:
        """Cost of the hard prompts that no telling trace landed on."""
        place = jax.random.uniform(key, (most_traces,), horizon.dtype) / mass
        index = jnp.where(
            telling & drawn, jnp.minimum(jnp.floor(place), most_prompts), most_prompts
        )
        known = jnp.zeros(most_prompts + 1, bool).at[index.astype(jnp.int32)].set(True)
        return cost * jnp.sum((hard & ~known[:most_prompts]).astype(horizon.dtype))

    def once(index: UInt[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        keys = jax.random.split(jax.random.fold_in(key, index), 3)
        telling = jax.random.uniform(keys[0], (most_traces,), horizon.dtype) < 2.0 * coverage
        return unknown(keys[1], telling), unknown(keys[2], jnp.ones_like(telling))

    verified, cloned = lax.map(once, jnp.arange(replicates, dtype=jnp.uint32), batch_size=64)
    return {"vb-hard-prompts": verified, "vf-hard-prompts": cloned}
