"""One cell of the planted-subsequence experiment: train every learner, score it on new prompts."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from verigap.sim.models.accounting import forward_flops, sampling_flops, training_flops
from verigap.sim.models.sampling import sample_many
from verigap.sim.models.transformer import Params, count_parameters
from verigap.sim.planted.automata import sample_traces
from verigap.sim.planted.learners import CLONING, SELECTION
from verigap.sim.planted.learners.cloning import clone
from verigap.sim.planted.learners.data import Demonstrations, LabelledTraces, prompt_ids
from verigap.sim.planted.learners.policy_gradient import climb
from verigap.sim.planted.learners.pretraining import divergence_from_oracle
from verigap.sim.planted.learners.scoring import Pool, draw_pool
from verigap.sim.planted.learners.selection import best_of_n_value, projected_value, tilted_value
from verigap.sim.planted.learners.verifier import (
    train_verifier,
    verifier_config,
    verifier_quality,
)
from verigap.sim.planted.oracle import oracle_table, planted_expert
from verigap.sim.planted.parameters import PlanSpec, PlantedParameters
from verigap.sim.planted.task import prefix_rewards
from verigap.sim.planted.world import Bases, Note, World, training_plan

_ORACLE_SAMPLES = 2048


def run_trained(
    parameters: PlantedParameters, root: PRNGKeyArray, bases: Bases, note: Note
) -> dict[str, Any]:
    """Train every learner at one point of the experiment and score it on new prompts.

    Args:
      parameters: the point.
      root: the random stream of the point.
      bases: where pre-trained bases are kept.
      note: told what is being done.

    Returns:
      One row for the run store, without what identifies the cell.
    """
    p = parameters
    world = World(p)
    base = bases.parameters(world, note)

    def key(purpose: str) -> PRNGKeyArray:
        return jax.random.fold_in(root, zlib.crc32(purpose.encode()))

    def pool(name: str, policy: Params, verifier: Params) -> Pool:
        return draw_pool(
            key(f"pool {name}"), policy, base, verifier, world.config, world.task,
            world.prompts[1], p.horizon, p.samples,
        )  # fmt: skip

    where = f"{p.family}, H = {p.horizon}, n = {p.n}, training {p.trial + 1}"
    note(f"cloning: {where}")
    cloned = clone(
        base, world.config, _demonstrations(key("demonstrations"), world),
        training_plan(p.cloning), key("cloning"),
    )  # fmt: skip
    note(f"verifier: {where}")
    verifier = train_verifier(
        base, verifier_config(world.config), _labelled(key("labelled"), world, base),
        training_plan(p.verifier), key("verifier"),
    )  # fmt: skip
    own = pool("base", base, verifier.params)
    policies = [
        _policy_row(
            CLONING, pool("cloned", cloned.params, verifier.params), own, p,
            _training_cost(world, p.cloning, p.symbols + p.horizon - 1),
            sampling_flops(world.config, p.symbols, p.horizon), p.horizon, cloned.step,
        ),
        _selection_row(world, own, verifier.step),
    ]  # fmt: skip
    policies += [
        _policy_row(
            name, pool(name, policy, verifier.params), own, p, cost,
            sampling_flops(world.config, p.symbols, p.horizon), p.horizon, steps,
        )
        for name, policy, cost, steps in _climbed(world, base, verifier.params, key, note, where)
    ]  # fmt: skip
    held_out = world.base_on(world.prompts[1])
    table = oracle_table(held_out, p.kappa)
    return {
        **{
            name: getattr(p, name)
            for name in (
                "game", "family", "horizon", "n", "symbols", "vocabulary", "longest", "kappa",
                "best_of", "trial", "task", "base_name",
            )
        },
        "parameters": {
            "policy": count_parameters(world.config),
            "verifier": count_parameters(verifier_config(world.config)),
        },
        "oracle_value": np.asarray(table.mean).tolist(),
        "oracle_sd": np.asarray(table.sd).tolist(),
        "expert_value": np.asarray(table.expert_value).tolist(),
        "expert_sd": np.asarray(table.expert_sd).tolist(),
        "coverage": np.asarray(table.top_share).tolist(),
        "base_value": own.value.tolist(),
        "base_sd": own.returns.std(axis=1, ddof=1).tolist(),
        "base_kl": float(
            divergence_from_oracle(
                key("divergence"), base, world.config,
                prompt_ids(world.task, world.prompts[1]), held_out,
                max(1, _ORACLE_SAMPLES // p.held_out),
            )
        ),
        "verifier": verifier_quality(own.predictions, own.rewards)._asdict(),
        "policies": policies,
    }  # fmt: skip


def _demonstrations(key: PRNGKeyArray, world: World) -> Demonstrations:
    """n traces of the expert on random training prompts, drawn exactly."""
    p = world.parameters
    prompts = world.prompts[0]
    row_key, trace_key = jax.random.split(key)
    rows = jax.random.randint(row_key, (p.n,), 0, prompts.shape[0], jnp.int32)
    expert, _ = planted_expert(world.base_on(prompts), p.kappa)
    traces = sample_traces(trace_key, expert, rows)
    return Demonstrations(prompt_ids(world.task, prompts[rows]), traces)


def _labelled(key: PRNGKeyArray, world: World, base: Params) -> LabelledTraces:
    """n traces of the trained base on random training prompts, with their rewards."""
    p = world.parameters
    row_key, trace_key = jax.random.split(key)
    index = jax.random.randint(row_key, (p.n,), 0, world.prompts[0].shape[0], jnp.int32)
    prompts = world.prompts[0][index]
    ids = prompt_ids(world.task, prompts)
    drawn, _ = sample_many(trace_key, base, world.config, ids, p.horizon)
    traces = jnp.asarray(drawn)
    labels = prefix_rewards(world.task, prompts, traces).astype(jnp.float32)
    return LabelledTraces(ids, traces, labels)


def _climbed(
    world: World,
    base: Params,
    verifier: Params,
    key: Callable[[str], PRNGKeyArray],
    note: Note,
    where: str,
) -> Iterable[tuple[str, Params, dict[str, float], int]]:
    """Every policy that reinforcement learning was asked for, with its cost."""
    p = world.parameters
    if p.policy_gradient is None:
        return
    spec = p.policy_gradient
    plan = training_plan(PlanSpec(steps=spec.steps, batch=spec.prompts, rate=spec.rate))
    traces = spec.steps * spec.prompts * spec.group
    config = world.config
    read = p.symbols + p.horizon
    # Each trace is drawn, judged by verifier and base, and trained on.
    flops = traces * (
        sampling_flops(config, p.symbols, p.horizon)
        + forward_flops(verifier_config(config), read)
        + forward_flops(config, read - 1)
    ) + training_flops(config, read - 1, traces)
    cost = _training_cost(world, p.verifier, read)
    for method in spec.methods:
        for leash in spec.leashes:
            name = f"vb-{method}-{leash}"
            note(f"{name}: {where}")
            policy, _ = climb(
                base, verifier, config, prompt_ids(world.task, world.prompts[0]),
                horizon=p.horizon, method=method, leash=leash, penalty=spec.penalty,
                plan=plan, group=spec.group, key=key(name),
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


def _training_cost(world: World, spec: PlanSpec, read: int) -> dict[str, float]:
    """FLOPs and trace tokens of training on batches of sequences of `read` ids."""
    sequences = spec.steps * spec.batch
    return {
        "training_flops": float(training_flops(world.config, read, sequences)),
        "training_tokens": float(sequences * world.parameters.horizon),
    }


def _policy_row(
    name: str,
    pool: Pool,
    own: Pool,
    p: PlantedParameters,
    cost: dict[str, float],
    trace_flops: float,
    trace_tokens: float,
    step: int,
) -> dict[str, Any]:
    """A policy that answers with one trace."""
    return {
        "learner": name,
        "value": pool.value.tolist(),
        "leashed": projected_value(pool.value, own.value, pool.chi2, p.kappa).tolist(),
        "predicted": pool.predictions.sum(axis=-1).mean(axis=1).tolist(),
        "kl": pool.kl.tolist(),
        "chi2": pool.chi2.tolist(),
        **cost,
        "trace_flops": float(trace_flops),
        "trace_tokens": float(trace_tokens),
        "step": step,
    }


def _selection_row(world: World, own: Pool, step: int) -> dict[str, Any]:
    """Best-of-N by the verifier, and on the leash the chi-square tilt by it."""
    p = world.parameters
    scores = own.predictions.sum(axis=-1)
    each = sampling_flops(world.config, p.symbols, p.horizon) + forward_flops(
        verifier_config(world.config), p.symbols + p.horizon
    )
    best_of = p.best_of
    return {
        "learner": SELECTION,
        "value": best_of_n_value(scores, own.returns, best_of).tolist(),
        "leashed": tilted_value(scores, own.returns, p.kappa).tolist(),
        "predicted": best_of_n_value(scores, scores, best_of).tolist(),
        # Of best-of-N on continuous scores, whose density ratio is N u^(N-1).
        "kl": [float(np.log(best_of) - (best_of - 1) / best_of)] * p.held_out,
        "chi2": [best_of**2 / (2 * best_of - 1) - 1.0] * p.held_out,
        **_training_cost(world, p.verifier, p.symbols + p.horizon),
        "trace_flops": float(best_of * each),
        "trace_tokens": float(best_of * p.horizon),
        "step": step,
    }
