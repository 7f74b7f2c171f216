"""Plain enumeration of the relabelling game: every codeword, every trace, no shortcut.

The oracle that the sufficient-statistics back end is tested against, for d <= 12. It draws what
each codeword says about each trace, lets the learner act, and pays the true codeword's return.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray, UInt

from verigap.sim.relabelling.evidence import Demonstrations, Labels
from verigap.sim.relabelling.game import RelabellingGame, averaged_columns, relabel
from verigap.sim.relabelling.learners import AveragingLearner, Learner
from verigap.theory import RewardLaw


def _evidence(
    key: PRNGKeyArray, game: RelabellingGame, learner: Learner, codewords: int, traces: int
) -> Demonstrations | Labels:
    """Evidence from `traces` data points; codeword 0 is the true one."""
    prompt_key, true_key, wrong_key = jax.random.split(key, 3)
    prompts, atoms = game.law.probabilities.shape
    prompt = jax.random.randint(prompt_key, (traces,), 0, prompts)
    ratio = game.ball.expert(game.law, game.expert_radius).density_ratio
    base = jnp.log(game.law.probabilities)
    demonstrated = jnp.where(ratio > 0, base + jnp.log(jnp.where(ratio > 0, ratio, 1.0)), -jnp.inf)
    law = demonstrated if learner.side == "verifier-free" else base
    true_level = jax.random.categorical(true_key, law[prompt])
    # Which of its K returns a wrong codeword gives a trace is uniform, whatever the trace; the
    # remainder of 32 bits is so up to 2^-32 a level, at a tenth of the cost of `randint`.
    draws = jax.random.bits(wrong_key, (codewords - 1, traces), "uint32")
    wrong_level = (draws % jnp.uint32(atoms)).astype(true_level.dtype)
    level = jnp.concatenate([true_level[None, :], wrong_level])
    if learner.side == "verifier-free":
        log_ratio = jnp.where(ratio > 0, jnp.log(jnp.where(ratio > 0, ratio, 1.0)), -jnp.inf)
        log_likelihood = jnp.sum(log_ratio[prompt[None, :], level], axis=-1)
        nothing = jnp.full((), -jnp.inf, log_likelihood.dtype)
        return Demonstrations(log_likelihood, nothing, nothing)
    returns = game.law.atoms[prompt[None, :], level]
    consistent = jnp.all(returns == returns[:1], axis=-1)
    return Labels(consistent, jnp.zeros((), returns.dtype))


def _play(
    key: PRNGKeyArray,
    learner: Learner,
    evidence: Any,
    game: RelabellingGame,
    codewords: int,
    leashed: bool,
) -> Float[Array, ""]:
    """Return above the base on one fresh prompt, paid by the true codeword (tokens)."""
    prompt_key, column_key, choice_key = jax.random.split(key, 3)
    prompts = game.law.probabilities.shape[0]
    atoms = game.law.atoms[jax.random.randint(prompt_key, (), 0, prompts)]
    columns = relabel(column_key, atoms, codewords)
    if isinstance(learner, AveragingLearner):
        believed = averaged_columns(choice_key, columns, learner.belief(evidence))
    else:
        picked = jax.random.categorical(choice_key, learner.log_choice(evidence))
        believed = columns[picked]
    order = jnp.argsort(believed)
    policy = learner.policy(RewardLaw.equiprobable(believed), game, leashed)
    earned = jnp.mean(policy * columns[0][order])
    return earned - jnp.mean(atoms)


@partial(jax.jit, static_argnames=("learner", "log2_class_size", "traces", "replicates", "leashed"))
def enumerate_risks(
    key: PRNGKeyArray,
    game: RelabellingGame,
    learner: Learner,
    *,
    log2_class_size: int,
    traces: int,
    replicates: int,
    leashed: bool = False,
) -> Float[Array, " replicates"]:
    """Suboptimality of a learner in independent plays (tokens).

    Args:
      key: PRNG key.
      game: the cell; its data budget and class size must equal the two static arguments.
      learner: any registered learner.
      log2_class_size: d <= 12, an integer.
      traces: n.
      replicates: number of plays.
      leashed: confine the policy to the ball of radius `game.leash`.

    Raises:
      ValueError: if d > 12.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.relabelling import LEARNERS, RelabellingGame, enumerate_risks
      >>> from verigap.theory import RewardLaw
      >>> numbers = {
      ...     "horizon": 8.0, "data_budget": 4.0, "log2_class_size": 3.0, "class_radius": 1.0,
      ...     "expert_radius": 0.25, "leash": 0.25, "num_candidates": 4.0,
      ...     "failure_probability": 0.05,
      ... }
      >>> game = RelabellingGame(
      ...     law=RewardLaw.equiprobable(jnp.asarray([[0.0, 8.0]])),
      ...     **{name: jnp.asarray(number) for name, number in numbers.items()},
      ... )
      >>> risks = enumerate_risks(
      ...     jax.random.key(0), game, LEARNERS["vf-mle"], log2_class_size=3, traces=4, replicates=6
      ... )
      >>> risks.shape
      (6,)
    """
    if log2_class_size > 12:
        raise ValueError(
            f"enumeration holds 2^d codewords and stops at d = 12, not {log2_class_size}"
        )
    codewords = 2**log2_class_size

    def once(index: UInt[Array, ""]) -> Float[Array, ""]:
        data_key, play_key = jax.random.split(jax.random.fold_in(key, index))
        evidence = _evidence(data_key, game, learner, codewords, traces)
        return game.expert_gain - _play(play_key, learner, evidence, game, codewords, leashed)

    # As many plays at a time as keep the drawn evidence in the cache.
    together = max(1, min(64, 2**20 // (codewords * traces)))
    return lax.map(once, jnp.arange(replicates, dtype=jnp.uint32), batch_size=together)
