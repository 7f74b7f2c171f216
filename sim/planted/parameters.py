"""The planted-subsequence experiment as a sweep configuration writes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from verigap.storage.digests import json_digest

Count = Annotated[int, Field(ge=1, le=1 << 30)]
Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Spec(BaseModel):
    """A part of a configuration; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanSpec(Spec):
    """How long and how fast one network is trained.

    Attributes:
      steps: optimiser steps.
      batch: traces a step.
      rate: peak learning rate.
      weight_decay: of AdamW.
    """

    steps: Count
    batch: Count = 64
    rate: Rate = 1e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01


class PolicyGradientSpec(Spec):
    """Reinforcement learning against the learnt verifier.

    Attributes:
      methods: which gradients, each on both leashes.
      leashes: divergence from the base that is penalised: "kl", the usual one, and "chi2".
      steps: optimiser steps.
      prompts: prompts a step.
      group: traces a prompt and step.
      rate: peak learning rate.
      penalty: weight of the leash: tokens of predicted return per nat (kl) or per unit (chi2),
        as a share of the horizon.
    """

    methods: Annotated[tuple[Literal["reinforce", "grpo"], ...], Field(min_length=1)] = (
        "reinforce",
        "grpo",
    )
    leashes: Annotated[tuple[Literal["kl", "chi2"], ...], Field(min_length=1)] = ("kl", "chi2")
    steps: Count
    prompts: Count = 16
    group: Annotated[int, Field(ge=2, le=1 << 12)] = 8
    rate: Rate = 3e-4
    penalty: Annotated[float, Field(ge=0, le=1e3)] = 0.1


class PlantedParameters(Spec):
    """Everything that defines one cell of the planted-subsequence game.

    Attributes:
      game: "planted".
      family: the base whose heterogeneity is "low" or "high".
      horizon: H, tokens.
      data_budget: n, expert traces for cloning, labelled base traces for verification.
      symbols: k, symbols a prompt.
      vocabulary: V, tokens.
      longest: H_max: the base is pre-trained on traces of this many tokens, and truncated.
      chi2_radius: kappa, chi-square radius of the demonstrating expert and of the leash.
      num_candidates: N of best-of-N.
      layers, width, heads: of the transformers.
      pretraining, cloning, verifier: training plans.
      policy_gradient: reinforcement learning; none by default.
      held_out: prompts that no learner is trained on, and on which all are scored.
      samples: traces a held-out prompt that a policy is scored by.
      task: seed of the hidden map and of the split of the prompts.
      trial: index of the independent repetition; set when a sweep is loaded.
    """

    game: Literal["planted"]
    family: Literal["low", "high"]
    horizon: Annotated[int, Field(ge=2, le=4096)]
    data_budget: Annotated[int, Field(ge=8, le=1 << 24)]
    symbols: Annotated[int, Field(ge=1, le=6)] = 2
    vocabulary: Annotated[int, Field(ge=2, le=64)] = 8
    longest: Annotated[int, Field(ge=2, le=4096)]
    chi2_radius: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    num_candidates: Annotated[int, Field(ge=1, le=1 << 12)] = 8
    layers: Annotated[int, Field(ge=1, le=48)] = 2
    width: Annotated[int, Field(ge=4, le=4096)] = 64
    heads: Annotated[int, Field(ge=1, le=64)] = 2
    pretraining: PlanSpec
    cloning: PlanSpec
    verifier: PlanSpec
    policy_gradient: PolicyGradientSpec | None = None
    held_out: Annotated[int, Field(ge=2, le=4096)] = 16
    samples: Annotated[int, Field(ge=2, le=4096)] = 128
    task: Annotated[int, Field(ge=0, lt=1 << 32)] = 0
    trial: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _consistent(self) -> PlantedParameters:
        if self.horizon > self.longest:
            raise ValueError(
                f"horizon {self.horizon} exceeds longest, {self.longest}: the base has seen no "
                "longer traces"
            )
        if self.symbols > self.horizon:
            raise ValueError(f"{self.symbols} symbols do not fit into {self.horizon} tokens")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")
        if self.held_out >= self.vocabulary**self.symbols:
            raise ValueError(
                f"held_out {self.held_out} leaves no prompt to train on: there are "
                f"{self.vocabulary**self.symbols}"
            )
        if self.num_candidates > self.samples:
            raise ValueError(
                f"num_candidates {self.num_candidates} exceeds samples, {self.samples}"
            )
        return self

    @property
    def base_name(self) -> str:
        """Hash of everything that the pre-trained base depends on; names its checkpoint."""
        content = self.model_dump(
            mode="json",
            include={
                "family", "symbols", "vocabulary", "longest", "layers", "width", "heads",
                "pretraining", "task",
            },
        )  # fmt: skip
        shape = f"k{self.symbols}-v{self.vocabulary}-h{self.longest}"
        return f"{self.family}-{shape}-{json_digest(content, 12)}"
