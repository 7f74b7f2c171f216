"""One cell of the planted-subsequence experiment: train every learner, score it on new prompts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from verigap.sim.models.accounting import forward_flops, sampling_flops, training_flops
from verigap.sim.models.transformer import Params, count_parameters
from verigap.sim.planted.instance import (
    Note,
    PlantedInstance,
    PlantedTraining,
    training_plan,
)
from verigap.sim.planted.learners import CLONING, SELECTION
from verigap.sim.planted.learners.cloning import clone
from verigap.sim.planted.learners.data import prompt_ids
from verigap.sim.planted.learners.fitting import Fitted
from verigap.sim.planted.learners.policy_gradient import policy_gradient
from verigap.sim.planted.learners.pretraining import divergence_from_oracle
from verigap.sim.planted.learners.scoring import Pool, draw_pool
from verigap.sim.planted.learners.selection import best_of_n_value, projected_value, tilted_value
from verigap.sim.planted.learners.verifier import (
    train_verifier,
    verifier_config,
    verifier_quality,
)
from verigap.sim.planted.oracle import oracle_table
from verigap.sim.planted.parameters import PlanSpec, PlantedParameters
from verigap.sim.planted.sources import expert_demonstrations, labelled_traces

_ORACLE_SAMPLES = 2048


_PARAMETER_COLUMNS = (
    "game", "family", "horizon", "data_budget", "symbols", "vocabulary", "longest", "chi2_radius",
    "num_candidates", "trial", "task", "base_name",
)  # fmt: skip


class _Training(PlantedTraining):
    """Everything that is trained at one point."""

    def clone(self) -> Fitted:
        """The base trained on the expert's demonstrations."""
        self.tell("cloning")
        return clone(
            self.base,
            self.instance.config,
            expert_demonstrations(self.key("demonstrations"), self.instance),
            training_plan(self.instance.parameters.cloning),
            self.key("cloning"),
        )

    def verifier(self) -> Fitted:
        """The verifier, trained on labelled traces of the base."""
        self.tell("verifier")
        return train_verifier(
            self.base,
            verifier_config(self.instance.config),
            labelled_traces(self.key("labelled"), self.instance, self.base),
            training_plan(self.instance.parameters.verifier),
            self.key("verifier"),
        )

    def pool(self, name: str, policy: Params, verifier: Params) -> Pool:
        """Traces of a policy on the held-out prompts, judged by the verifier and the task."""
        p = self.instance.parameters
        return draw_pool(
            self.key(f"pool {name}"), policy, self.base, verifier, self.instance.config,
            self.instance.task, self.instance.prompts[1], p.horizon, p.samples,
        )  # fmt: skip


def run_trained(
    parameters: PlantedParameters, root: PRNGKeyArray, base: Params, note: Note
) -> dict[str, Any]:
    """Train every learner at one point of the experiment and score it on new prompts.

    Args:
      parameters: the point.
      root: random stream of the point.
      base: parameters of the pre-trained base.
      note: told what is being done.

    Returns:
      One row for the run store, without what identifies the cell.
    """
    p = parameters
    instance = PlantedInstance(p)
    training = _Training(instance, base, root, note)
    cloned = training.clone()
    verifier = training.verifier()
    own = training.pool("base", training.base, verifier.params)
    policies = [
        _policy_row(
            CLONING,
            training.pool("cloned", cloned.params, verifier.params),
            own,
            instance,
            cost=_training_cost(instance, p.cloning, p.symbols + p.horizon - 1),
            step=cloned.step,
        ),
        _selection_row(instance, own, verifier.step),
    ]
    for name, policy, cost, steps in _policy_gradients(training, verifier.params):
        pool = training.pool(name, policy, verifier.params)
        policies.append(_policy_row(name, pool, own, instance, cost=cost, step=steps))
    return {
        **{name: getattr(p, name) for name in _PARAMETER_COLUMNS},
        "parameters": {
            "policy": count_parameters(instance.config),
            "verifier": count_parameters(verifier_config(instance.config)),
        },
        **_held_out_columns(training, own),
        "verifier": verifier_quality(own.predictions, own.rewards)._asdict(),
        "policies": policies,
    }


def _held_out_columns(training: _Training, own: Pool) -> dict[str, Any]:
    """What oracle, expert and base earn on the held-out prompts, a value a prompt (tokens)."""
    instance = training.instance
    p = instance.parameters
    held_out = instance.base_on(instance.prompts[1])
    table = oracle_table(held_out, p.chi2_radius)
    divergence = divergence_from_oracle(
        training.key("divergence"),
        training.base,
        instance.config,
        prompt_ids(instance.task, instance.prompts[1]),
        held_out,
        max(1, _ORACLE_SAMPLES // p.held_out),
    )
    return {
        "oracle_value": np.asarray(table.mean).tolist(),
        "oracle_sd": np.asarray(table.sd).tolist(),
        "expert_value": np.asarray(table.expert_value).tolist(),
        "expert_sd": np.asarray(table.expert_sd).tolist(),
        "coverage": np.asarray(table.top_share).tolist(),
        "base_value": own.value.tolist(),
        "base_sd": own.returns.std(axis=1, ddof=1).tolist(),
        "base_kl": float(divergence),
    }


def _policy_gradients(
    training: _Training, verifier: Params
) -> Iterable[tuple[str, Params, dict[str, float], int]]:
    """Every policy that reinforcement learning was asked for, with its cost."""
    instance = training.instance
    p = instance.parameters
    if p.policy_gradient is None:
        return
    spec = p.policy_gradient
    plan = training_plan(PlanSpec(steps=spec.steps, batch=spec.prompts, rate=spec.rate))
    traces = spec.steps * spec.prompts * spec.group
    config = instance.config
    read = p.symbols + p.horizon
    # Each trace is drawn, judged by verifier and base, and trained on.
    flops = traces * (
        sampling_flops(config, p.symbols, p.horizon)
        + forward_flops(verifier_config(config), read)
        + forward_flops(config, read - 1)
    ) + training_flops(config, read - 1, traces)
    cost = _training_cost(instance, p.verifier, read)
    for method in spec.methods:
        for leash in spec.leashes:
            name = f"vb-{method}-{leash}"
            training.tell(name)
            policy, _ = policy_gradient(
                training.base, verifier, config, prompt_ids(instance.task, instance.prompts[0]),
                horizon=p.horizon, method=method, leash=leash, penalty=spec.penalty,
                plan=plan, group=spec.group, key=training.key(name),
            )  # fmt: skip
            yield (
                name,
                policy,
                {
                    "training_flops": cost["training_flops"] + flops,
                    "training_tokens": cost["training_tokens"] + traces * p.horizon,
                },
                spec.steps,
            )


def _training_cost(instance: PlantedInstance, spec: PlanSpec, read: int) -> dict[str, float]:
    """FLOPs and trace tokens of training on batches of sequences of `read` ids."""
    sequences = spec.steps * spec.batch
    return {
        "training_flops": float(training_flops(instance.config, read, sequences)),
        "training_tokens": float(sequences * instance.parameters.horizon),
    }


def _policy_row(
    name: str,
    pool: Pool,
    own: Pool,
    instance: PlantedInstance,
    *,
    cost: dict[str, float],
    step: int,
) -> dict[str, Any]:
    """A policy that answers with one trace."""
    p = instance.parameters
    return {
        "learner": name,
        "value": pool.value.tolist(),
        "leashed": projected_value(pool.value, own.value, pool.chi2, p.chi2_radius).tolist(),
        "predicted": pool.predictions.sum(axis=-1).mean(axis=1).tolist(),
        "kl": pool.kl.tolist(),
        "chi2": pool.chi2.tolist(),
        **cost,
        "trace_flops": float(sampling_flops(instance.config, p.symbols, p.horizon)),
        "trace_tokens": float(p.horizon),
        "step": step,
    }


def _selection_row(instance: PlantedInstance, own: Pool, step: int) -> dict[str, Any]:
    """Best-of-N by the verifier, and on the leash the chi-square tilt by it."""
    p = instance.parameters
    scores = own.predictions.sum(axis=-1)
    each = sampling_flops(instance.config, p.symbols, p.horizon) + forward_flops(
        verifier_config(instance.config), p.symbols + p.horizon
    )
    num_candidates = p.num_candidates
    return {
        "learner": SELECTION,
        "value": best_of_n_value(scores, own.returns, num_candidates).tolist(),
        "leashed": tilted_value(scores, own.returns, p.chi2_radius).tolist(),
        "predicted": best_of_n_value(scores, scores, num_candidates).tolist(),
        # Of best-of-N on continuous scores, whose density ratio is N u^(N-1).
        "kl": [float(np.log(num_candidates) - (num_candidates - 1) / num_candidates)] * p.held_out,
        "chi2": [num_candidates**2 / (2 * num_candidates - 1) - 1.0] * p.held_out,
        **_training_cost(instance, p.verifier, p.symbols + p.horizon),
        "trace_flops": float(num_candidates * each),
        "trace_tokens": float(num_candidates * p.horizon),
        "step": step,
    }
