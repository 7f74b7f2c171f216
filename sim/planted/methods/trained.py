"""Rows of the methods that train a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from verigap.sim.models.accounting import training_flops
from verigap.sim.models.transformer import Params
from verigap.sim.planted.instance import training_plan
from verigap.sim.planted.learners.cloning import clone
from verigap.sim.planted.learners.policy_gradient import NONE
from verigap.sim.planted.learners.selection import best_of_n_value
from verigap.sim.planted.methods.candidates import Candidates
from verigap.sim.planted.methods.cell import MethodsCell
from verigap.sim.planted.methods.limited_cloning import limited_clone
from verigap.sim.planted.methods.reinforcement import (
    exploration,
    reinforced,
    reinforcement_spending,
)
from verigap.sim.planted.methods.rejection import rejection_fine_tuned
from verigap.sim.planted.methods.selecting import best_of_n, first_accepted, single, votes
from verigap.sim.planted.methods.selections import ACCEPTED
from verigap.sim.planted.methods.spending import Spending
from verigap.sim.planted.methods.verifiers import Verifier, learned_verifier
from verigap.sim.planted.parameters import PlanSpec
from verigap.sim.planted.sources import expert_demonstrations

Curve = list[dict[str, Any]]


def pass_at_n(candidates: Candidates, num_candidates: int) -> Float[np.ndarray, " prompts"]:
    """Chance that one of N traces of each prompt is correct, over all sets of the samples."""
    correct = (candidates.returns > 0).astype(float)
    return best_of_n_value(correct, correct, num_candidates)


def _watched(
    cell: MethodsCell, name: str, curve: Curve, every: int, verifier: Verifier | None = None
) -> Callable[[int, Params], None]:
    """Enters a point of a curve for each multiple of some steps."""
    p = cell.parameters

    def watch(step: int, params: Params) -> None:
        if step % every:
            return
        drawn = cell.drawn(f"{name} {step}", params)
        promised = (
            np.full(len(drawn.returns), np.nan)
            if verifier is None
            else verifier.scores(drawn.judged(verifier)).mean(axis=1)
        )
        curve.append(
            {
                "curve": "training",
                "of": name,
                "at": float(step),
                "value": drawn.returns.mean(axis=1).tolist(),
                "promised": promised.tolist(),
                "pass_at_n": pass_at_n(drawn, p.num_candidates).tolist(),
            }
        )

    return watch


def _cloning_spending(cell: MethodsCell, plan: PlanSpec, count: int) -> Spending:
    p = cell.parameters
    sequences = plan.steps * plan.batch
    read = p.symbols + p.horizon - 1
    return Spending(
        demonstrations=count,
        training_tokens=float(sequences * p.horizon),
        training_flops=float(training_flops(cell.instance.config, read, sequences)),
    )


def _voting(
    cell: MethodsCell, name: str, policy: Params, spent: Spending, side: str
) -> Iterator[dict[str, Any]]:
    """A policy that answers with one trace, and with a vote of N."""
    drawn = cell.drawn(name, policy)
    yield cell.row(name, single(drawn.returns), spent, side=side)
    won = votes(drawn, cell.parameters.vocabulary).won(cell.sets)
    yield cell.row(f"{name}, vote", won, spent, side=side)


def cloned(cell: MethodsCell, curve: Curve) -> Iterator[dict[str, Any]]:
    """Cloning by log-loss and, where it is asked for, by the limited loss, on the same traces."""
    p, config = cell.parameters, cell.instance.config
    shown = expert_demonstrations(cell.key("demonstrations"), cell.instance)
    spent = _cloning_spending(cell, p.cloning, p.data_budget)
    plan, key, every = training_plan(p.cloning), cell.key("cloning"), max(1, p.cloning.steps // 4)
    for name in ("cloning", "limited-cloning"):
        if name not in p.trained:
            continue
        cell.tell(name)
        watch = _watched(cell, name, curve, every)
        watch(0, cell.base)
        if name == "cloning":
            policy = clone(cell.base, config, shown, plan, key, watch).params
        else:
            policy = limited_clone(
                cell.base, config, shown, plan, key, p.confidence_limit, watch
            ).params
        yield from _voting(cell, name, policy, spent, "vf")


def rejection(cell: MethodsCell) -> Iterator[dict[str, Any]]:
    """Rejection-sampling fine-tuning, for each number of rounds."""
    p = cell.parameters
    for rounds in p.rounds:
        name = f"rejection-{rounds}"
        cell.tell(name)
        done = rejection_fine_tuned(cell.key(name), cell.instance, cell.base, rounds, p.cloning)
        yield from _voting(cell, name, done.params, done.spent, "vb")


def reinforcement(cell: MethodsCell, verifier: Verifier, curve: Curve) -> Iterator[dict[str, Any]]:
    """GRPO against the first verifier: plain, exploring, and after cloning."""
    p = cell.parameters
    spec = p.reinforcement
    if spec is None:
        return
    climbing = reinforcement_spending(cell.instance, verifier, spec, spec.steps)
    every = max(1, spec.steps // 10) * 2
    for name in ("reinforcement", "exploration"):
        if name not in p.trained:
            continue
        cell.tell(name)
        watch = _watched(cell, name, curve, every, verifier)
        watch(0, cell.base)
        exploring = exploration(spec) if name == "exploration" else NONE
        policy = reinforced(
            cell.key("reinforcement"),
            cell.instance,
            cell.base,
            verifier,
            spec,
            exploring=exploring,
            watch=watch,
        )
        yield from _answered(cell, name, policy, verifier, verifier.spent + climbing)
    if "distil-then-reinforce" in p.trained:
        yield from _distilled(cell, verifier, climbing)


def _distilled(
    cell: MethodsCell, verifier: Verifier, climbing: Spending
) -> Iterator[dict[str, Any]]:
    """Half of the traces are demonstrations and half are labelled; so are the steps before RL."""
    p, name = cell.parameters, "distil-then-reinforce"
    spec = p.reinforcement
    assert spec is not None
    cell.tell(name)
    half = p.data_budget // 2
    plan = p.verifier.model_copy(update={"steps": p.verifier.steps // 2})
    fewer = learned_verifier(
        cell.key(f"verifier {name}"), verifier.spec, cell.instance, cell.base,
        labels=half, plan=plan,
    )  # fmt: skip
    shown = expert_demonstrations(cell.key(f"demonstrations {name}"), cell.instance, half)
    cloning = p.cloning.model_copy(update={"steps": plan.steps, "batch": plan.batch})
    start = clone(
        cell.base, cell.instance.config, shown, training_plan(cloning), cell.key(f"cloning {name}")
    )
    policy = reinforced(cell.key(name), cell.instance, cell.base, fewer, spec, initial=start.params)
    spent = _cloning_spending(cell, cloning, half) + fewer.spent + climbing
    yield from _answered(cell, name, policy, fewer, spent)


def _answered(
    cell: MethodsCell, name: str, policy: Params, verifier: Verifier, spent: Spending
) -> Iterator[dict[str, Any]]:
    """A policy that answers with one trace, the first accepted, or the best of N."""
    drawn = cell.drawn(name, policy)
    judged = drawn.judged(verifier)
    alone = cell.row(name, single(drawn.returns), spent, side="vb")
    # Trained against it, though not asked for the answer.
    yield alone | {"verifier": verifier.spec.name}
    for method, selected in (
        ("best-of-n", best_of_n(verifier.scores(judged), drawn.returns, cell.sets)),
        ("until-accepted", first_accepted(judged[..., -1] >= ACCEPTED, drawn.returns, cell.sets)),
    ):
        yield cell.row(f"{name}, {method}", selected, spent, side="vb", verifier=verifier)
