"""What cells of the planted-subsequence game share: the task, its prompts, and the base model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from verigap.sim.models.checkpoints import load_parameters, load_state, save_parameters, save_state
from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.training import TrainingPlan, TrainingState
from verigap.sim.models.transformer import Params
from verigap.sim.planted.automata import AutomatonPolicy, select, truncate
from verigap.sim.planted.bases import planted_base
from verigap.sim.planted.learners.data import prompt_ids
from verigap.sim.planted.learners.pretraining import pretrain
from verigap.sim.planted.parameters import PlanSpec, PlantedParameters
from verigap.sim.planted.task import PlantedTask, all_prompts, draw_task, split_prompts
from verigap.storage.digests import name_stream

Note = Callable[[str], None]
"""Told what takes long just now."""


def training_plan(spec: PlanSpec) -> TrainingPlan:
    """A plan with a short warm-up and a cosine to a tenth of the rate."""
    return TrainingPlan(
        steps=spec.steps,
        batch=spec.batch,
        peak_rate=spec.rate,
        warmup=min(spec.steps // 10, 100),
        weight_decay=spec.weight_decay,
    )


@dataclass(frozen=True)
class PlantedInstance:
    """The task of a cell, its prompts, and the oracle's base on all of them at H_max."""

    parameters: PlantedParameters

    @property
    def config(self) -> TransformerConfig:
        """Shape of every policy; verifiers differ in the head alone."""
        p = self.parameters
        return TransformerConfig(
            vocabulary=2 * p.vocabulary,
            outputs=p.vocabulary,
            length=p.symbols + p.longest,
            layers=p.layers,
            width=p.width,
            heads=p.heads,
        )

    @cached_property
    def task(self) -> PlantedTask:
        """The hidden map."""
        return draw_task(self._key("task"), self.parameters.symbols, self.parameters.vocabulary)

    @cached_property
    def prompts(self) -> tuple[Int[Array, "train k"], Int[Array, "held_out k"]]:
        """For training, and held out."""
        return split_prompts(self._key("split"), self.task, self.parameters.held_out)

    @cached_property
    def everything(self) -> Int[Array, "P k"]:
        """All prompts, in the order of the oracle's rows."""
        return all_prompts(self.task)

    @cached_property
    def longest_base(self) -> AutomatonPolicy:
        """The oracle's base on all prompts at H_max."""
        p = self.parameters
        return planted_base(self.task, self.everything, p.family, horizon=p.longest)

    def base_on(self, prompts: Int[Array, "n k"]) -> AutomatonPolicy:
        """The oracle's base on some prompts at H."""
        place = self.parameters.vocabulary ** jnp.arange(
            self.parameters.symbols - 1, -1, -1, dtype=prompts.dtype
        )
        return truncate(
            select(self.longest_base, jnp.sum(prompts * place[None], axis=1)),
            self.parameters.horizon,
        )

    def _key(self, purpose: str) -> PRNGKeyArray:
        return jax.random.fold_in(jax.random.key(self.parameters.task), name_stream(purpose))


@dataclass(frozen=True)
class PlantedTraining:
    """What all that is trained in one cell shares.

    Attributes:
      instance: the task, its prompts and the shapes of the networks.
      base: parameters of the pre-trained base.
      root: the random stream of the cell.
      note: told what is being done.
    """

    instance: PlantedInstance
    base: Params
    root: PRNGKeyArray
    note: Note

    def key(self, purpose: str) -> PRNGKeyArray:
        """The random stream of one purpose."""
        return jax.random.fold_in(self.root, name_stream(purpose))

    def tell(self, what: str) -> None:
        """Say what is being done, and in which cell."""
        p = self.instance.parameters
        where = f"{p.family}, H = {p.horizon}, n = {p.data_budget}, training {p.trial + 1}"
        self.note(f"{what}: {where}")


class Bases:
    """Pre-trained bases by name: read from a folder, or trained once and kept in the last one.

    A training that was interrupted goes on from its last saved state.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._known: dict[str, Params] = {}

    def parameters(self, instance: PlantedInstance, note: Note) -> Params:
        """Parameters of the base of a cell.

        Raises:
          ValueError: a checkpoint of that name is damaged or of another shape.
        """
        name = instance.parameters.base_name
        if name not in self._known:
            self._known[name] = self._read(name, instance) or self._train(name, instance, note)
        return self._known[name]

    def _read(self, name: str, instance: PlantedInstance) -> Params | None:
        for folder in self._folders:
            path = folder / f"{name}.safetensors"
            if path.exists():
                return load_parameters(path, instance.config)[0]
        return None

    def _train(self, name: str, instance: PlantedInstance, note: Note) -> Params:
        folder = self._folders[-1]
        folder.mkdir(exist_ok=True)
        plan = training_plan(instance.parameters.pretraining)
        unfinished = folder / f"{name}.state.safetensors"
        state = load_state(unfinished, instance.config, plan) if unfinished.exists() else None

        def save(state: TrainingState) -> None:
            save_state(unfinished, state, instance.config, plan)
            note(f"pre-training {instance.parameters.family}: step {state.step} of {plan.steps}")

        done = pretrain(
            jax.random.fold_in(jax.random.key(instance.parameters.task), name_stream(name)),
            instance.config,
            prompt_ids(instance.task, instance.everything),
            instance.longest_base,
            plan,
            state=state,
            save=save,
        )
        save_parameters(folder / f"{name}.safetensors", done.params, instance.config)
        unfinished.unlink(missing_ok=True)
        return done.params
