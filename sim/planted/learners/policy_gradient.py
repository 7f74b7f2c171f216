"""Reinforcement learning against the learnt verifier: REINFORCE and GRPO, each on a leash.

Both ascend E[predicted return / H - penalty * cost] with on-policy traces, where the cost makes the
penalty the KL or the chi-square divergence from the base. They differ in the advantage: REINFORCE
subtracts the mean of a prompt's other traces, GRPO standardises within the prompt's group. Every
batch is used for one step, so that GRPO's clipping of the ratio to the sampling policy never binds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.sampling import log_probabilities, sample
from verigap.sim.models.training import TrainingPlan, advance, start
from verigap.sim.models.transformer import Params
from verigap.sim.planted.learners.verifier import predicted_returns, verifier_config
from verigap.theory.balls import Divergence

Method = Literal["reinforce", "grpo"]

_LARGEST_LOG_RATIO = 3.0


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """How far policy gradient looks beyond its own mode (T1, arXiv 2501.11651); hashable.

    Attributes:
      temperature: of the policy while it is trained; it answers at 1.
      entropy: bonus for a trace's surprise -ln pi, shares of the horizon a nat. Its gradient is
        that of the policy's entropy.
      repetition: penalty for each token that repeats the two before it, shares of the horizon.
    """

    temperature: float = 1.0
    entropy: float = 0.0
    repetition: float = 0.0


NONE = Exploration()


def at_temperature(params: Params, temperature: float) -> Params:
    """Parameters of the policy whose logits are divided by the temperature."""
    head = jax.tree.map(lambda leaf: leaf / temperature, params["head"])
    return {**params, "head": head}


def repetitions(traces: Int[Array, "n H"]) -> Float[Array, " n"]:
    """How many tokens of each trace repeat the two before them."""
    same = traces[:, 1:] == traces[:, :-1]
    return jnp.sum(same[:, 1:] & same[:, :-1], axis=1).astype(jnp.float32)


class Rollout(NamedTuple):
    """What one step of policy gradient starts from; fixed networks travel along as data.

    Attributes:
      key: random stream of the traces.
      prompts: ids, each repeated once a trace of its group.
      base: parameters of the base policy.
      verifier: parameters of the verifier.
      penalty: weight of the leash, in shares of the horizon.
    """

    key: PRNGKeyArray
    prompts: Int[Array, "n k"]
    base: Params
    verifier: Params
    penalty: Float[Array, ""]


@lru_cache(maxsize=16)
def _rollouts(prompts: int, group: int) -> Callable[..., Rollout]:
    def draw(
        source: tuple[Int[Array, "P k"], Params, Params, Float[Array, ""]],
        key: PRNGKeyArray,
        step: Int[Array, ""],
    ) -> Rollout:
        pool, base, verifier, penalty = source
        prompt_key, trace_key = jax.random.split(key)
        index = jax.random.randint(prompt_key, (prompts,), 0, pool.shape[0], jnp.int32)
        return Rollout(trace_key, jnp.repeat(pool[index], group, axis=0), base, verifier, penalty)

    return draw


def leash_cost(log_ratio: Float[Array, " n"], leash: Divergence) -> Float[Array, " n"]:
    """Per-trace cost whose score-function gradient is that of the divergence from the base.

    d KL = E[ln(ratio) d ln pi] and d chi2 = E[2 ratio d ln pi], both under the policy. Ratios are
    cut off at e^3, so that single traces do not rule a step.
    """
    if leash == "kl":
        return log_ratio
    return 2.0 * jnp.exp(jnp.minimum(log_ratio, _LARGEST_LOG_RATIO))


def advantages(
    rewards: Float[Array, "prompts group"], method: Method
) -> Float[Array, "prompts group"]:
    """Rewards against their group: minus the mean of the others, or standardised."""
    mean = jnp.mean(rewards, axis=1, keepdims=True)
    centred = rewards - jnp.broadcast_to(mean, rewards.shape)
    if method == "reinforce":
        group = rewards.shape[1]
        return centred * (group / (group - 1.0))
    spread = jnp.sqrt(jnp.mean(centred**2, axis=1, keepdims=True))
    return centred / jnp.broadcast_to(spread + 1e-4, centred.shape)


@lru_cache(maxsize=16)
def _surrogate(
    config: TransformerConfig,
    horizon: int,
    group: int,
    method: Method,
    leash: Divergence,
    exploration: Exploration,
) -> Callable[[Params, Rollout], Float[Array, ""]]:
    def loss(trained: Params, rollout: Rollout) -> Float[Array, ""]:
        prompts = rollout.prompts
        params = at_temperature(trained, exploration.temperature)
        traces, drawn = sample(rollout.key, lax.stop_gradient(params), config, prompts, horizon)
        before = jnp.sum(log_probabilities(rollout.base, config, prompts, traces), axis=1)
        predicted = predicted_returns(rollout.verifier, verifier_config(config), prompts, traces)
        logarithm = jnp.sum(drawn, axis=1)
        cost = rollout.penalty * leash_cost(logarithm - before, leash)
        cost = cost + exploration.entropy * logarithm
        cost = cost + exploration.repetition * repetitions(traces)
        rewards = (predicted / horizon - cost).reshape(-1, group)
        advantage = lax.stop_gradient(advantages(rewards, method)).reshape(-1)
        chosen = jnp.sum(log_probabilities(params, config, prompts, traces), axis=1)
        return -jnp.mean(advantage * chosen) / horizon

    return loss


def policy_gradient(
    base: Params,
    verifier: Params,
    config: TransformerConfig,
    prompts: Int[Array, "P k"],
    *,
    horizon: int,
    method: Method,
    penalty: float,
    plan: TrainingPlan,
    group: int,
    key: PRNGKeyArray,
    leash: Divergence = "kl",
    initial: Params | None = None,
    exploration: Exploration = NONE,
    watch: Callable[[int, Params], None] = lambda step, params: None,
) -> tuple[Params, Float[np.ndarray, " parts"]]:
    """Policy gradient from the base against the verifier.

    Args:
      base: parameters of the base.
      verifier: parameters of the verifier, which is never trained on.
      config: shape of the policy.
      prompts: ids of the training prompts.
      horizon: H, tokens.
      method: "reinforce" or "grpo".
      penalty: weight of the divergence, in shares of the horizon: a nat, or a unit of chi-square.
      plan: its `batch` is the number of prompts a step.
      group: traces a prompt.
      key: random stream of the prompts and the traces.
      leash: divergence from the base that is penalised, "kl" in nats or "chi2".
      initial: parameters that the policy starts from. Default: the base.
      exploration: temperature, bonus and penalty. Default: none.
      watch: called with the step and the parameters after every tenth of the training.

    Returns:
      The policy's parameters, and the mean surrogate loss of every part of the training.
    """
    loss = _surrogate(config, horizon, group, method, leash, exploration)
    draw = Partial(
        _rollouts(plan.batch, group), (prompts, base, verifier, jnp.asarray(penalty, jnp.float32))
    )
    part = max(1, plan.steps // 10)
    begun = start(base if initial is None else initial, plan)
    state = advance(
        loss, begun, plan, key, draw, record_every=part,
        save=lambda state: watch(state.step, state.params),
    )  # fmt: skip
    return state.params, state.losses
