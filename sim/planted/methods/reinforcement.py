"""GRPO against a learned verifier: plain, exploring (T1), or after cloning (distil, then RL)."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import PRNGKeyArray

from verigap.sim.models.accounting import forward_flops, sampling_flops, training_flops
from verigap.sim.models.transformer import Params
from verigap.sim.planted.instance import PlantedInstance, training_plan
from verigap.sim.planted.learners.data import prompt_ids
from verigap.sim.planted.learners.policy_gradient import NONE, Exploration, policy_gradient
from verigap.sim.planted.methods.parameters import ReinforcementSpec
from verigap.sim.planted.methods.spending import Spending
from verigap.sim.planted.methods.verifiers import Verifier
from verigap.sim.planted.parameters import PlanSpec


def exploration(spec: ReinforcementSpec) -> Exploration:
    """What the exploring policy does more than the plain one."""
    return Exploration(
        temperature=spec.temperature, entropy=spec.entropy, repetition=spec.repetition
    )


def reinforced(
    key: PRNGKeyArray,
    instance: PlantedInstance,
    base: Params,
    verifier: Verifier,
    spec: ReinforcementSpec,
    *,
    initial: Params | None = None,
    exploring: Exploration = NONE,
    watch: Callable[[int, Params], None] = lambda step, params: None,
) -> Params:
    """Parameters of a policy after GRPO on a KL leash.

    Args:
      key: random stream.
      instance: the task and its prompts.
      base: parameters of the base, which the leash is tied to.
      verifier: what is climbed.
      spec: how to train.
      initial: where the policy starts. Default: the base.
      exploring: what to do beyond plain GRPO.
      watch: called with the step and the parameters after every tenth of the training.
    """
    params, _ = policy_gradient(
        base, verifier.params, instance.config, prompt_ids(instance.task, instance.prompts[0]),
        horizon=instance.parameters.horizon, method="grpo", penalty=spec.penalty,
        plan=training_plan(PlanSpec(steps=spec.steps, batch=spec.prompts, rate=spec.rate)),
        group=spec.group, key=key, initial=initial, exploration=exploring, watch=watch,
    )  # fmt: skip
    return params


def reinforcement_spending(
    instance: PlantedInstance, verifier: Verifier, spec: ReinforcementSpec, steps: int
) -> Spending:
    """Of so many steps: each trace is drawn, judged by verifier and base, and trained on."""
    p, config = instance.parameters, instance.config
    traces = steps * spec.prompts * spec.group
    read = p.symbols + p.horizon
    return Spending(
        training_tokens=float(traces * p.horizon),
        training_flops=float(
            traces
            * (
                sampling_flops(config, p.symbols, p.horizon)
                + verifier.reading_flops(p.symbols, p.horizon)
                + forward_flops(config, read - 1)
            )
            + training_flops(config, read - 1, traces)
        ),
    )
