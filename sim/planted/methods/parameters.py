"""The comparison of methods on the planted subsequence as a sweep configuration writes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from verigap.sim.planted.parameters import Count, PlantedParameters, Rate, Spec

TrainedMethod = Literal[
    "cloning",
    "limited-cloning",
    "rejection",
    "reinforcement",
    "exploration",
    "distil-then-reinforce",
]
"""Methods that train a policy."""

REINFORCED = frozenset({"reinforcement", "exploration", "distil-then-reinforce"})
"""Those that reinforce it."""


class VerifierSpec(Spec):
    """A verifier network and what it learns from.

    Attributes:
      name: of its rows.
      level: what a label says: "process", the reward of every prefix; "outcome", that of the whole
        trace alone.
      labels: share of the n labelled traces that it gets.
      flipped: chance that the label of a prefix is the wrong one, anew for each.
      unchecked: tokens at the end of the block that whoever labels does not look at, so that the
        same kinds of traces are always accepted wrongly.
      withheld: symbols at the end of the prompt that the network does not see.
      width: of the network, which then starts from random parameters. Default: the base's, from
        whose body it starts.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    level: Literal["process", "outcome"] = "process"
    labels: Annotated[float, Field(gt=0, le=1)] = 1.0
    flipped: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    unchecked: Annotated[int, Field(ge=0)] = 0
    withheld: Annotated[int, Field(ge=0)] = 0
    width: Annotated[int, Field(ge=4, le=4096)] | None = None


class ReinforcementSpec(Spec):
    """GRPO against the first verifier, with a KL leash; and the same with exploration.

    Attributes:
      steps: optimiser steps.
      prompts: prompts a step.
      group: traces a prompt and step.
      rate: peak learning rate.
      penalty: of the KL divergence from the base, shares of the horizon a nat.
      temperature: at which the exploring policy is trained; it answers at 1.
      entropy: its bonus, shares of the horizon a nat of a trace's surprise.
      repetition: its penalty, shares of the horizon a token that repeats the two before it.
    """

    steps: Count
    prompts: Count = 16
    group: Annotated[int, Field(ge=2, le=1 << 12)] = 8
    rate: Rate = 3e-4
    penalty: Annotated[float, Field(ge=0, le=1e3)] = 0.05
    temperature: Annotated[float, Field(ge=1, le=10)] = 1.2
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.005
    repetition: Annotated[float, Field(ge=0, le=10)] = 0.05


class BeamSpec(Spec):
    """Beam search guided by the verifier.

    Attributes:
      width: beams that are kept.
      step: tokens a step.
      trust: exponent of the base's probability; that of the verifier's is 1 - trust.
      temperature: of the draw of the beams that are kept; 0 keeps the best.
    """

    width: Annotated[int, Field(ge=1, le=64)] = 2
    step: Annotated[int, Field(ge=1, le=4096)] = 4
    trust: Annotated[float, Field(ge=0, le=1)] = 0.5
    temperature: Annotated[float, Field(ge=0, le=100)] = 0.0


class MethodsParameters(PlantedParameters):
    """One cell of the comparison: the planted game, and which methods play it.

    Attributes:
      game: "planted-methods".
      verifiers: the networks that select; the first one is also what reinforcement climbs.
      trained: methods that train a policy.
      reinforcement: how; needed for `trained` methods that reinforce.
      confidence_limit: N of the limited loss, a token.
      rounds: numbers of rounds of rejection sampling that are compared.
      beam: the beam search.
      orders: random orders of the samples that selections are averaged over.
    """

    game: Literal["planted-methods"]  # pyright: ignore[reportIncompatibleVariableOverride]
    verifiers: Annotated[tuple[VerifierSpec, ...], Field(min_length=1)]
    trained: tuple[TrainedMethod, ...] = ("cloning",)
    reinforcement: ReinforcementSpec | None = None
    confidence_limit: Annotated[float, Field(ge=1, le=1e6)] = 4.0
    rounds: tuple[Count, ...] = (1, 3)
    beam: BeamSpec = BeamSpec()
    orders: Count = 32

    @model_validator(mode="after")
    def _playable(self) -> MethodsParameters:
        names = [spec.name for spec in self.verifiers]
        if len(set(names)) < len(names) or "exact" in names:
            raise ValueError(f"verifiers {names}: each needs a name of its own, other than exact")
        for spec in self.verifiers:
            if max(spec.unchecked, spec.withheld) >= self.symbols:
                raise ValueError(
                    f"verifier {spec.name!r}: of {self.symbols} symbols, one at least must be "
                    "checked and seen"
                )
            if spec.width is not None and spec.width % self.heads:
                raise ValueError(
                    f"verifier {spec.name!r}: width {spec.width} is not a multiple of "
                    f"{self.heads} heads"
                )
        if self.policy_gradient is not None:
            raise ValueError("policy_gradient belongs to the game planted; give reinforcement")
        if self.reinforcement is None and set(self.trained) & REINFORCED:
            raise ValueError("reinforcement is missing, and a trained method needs it")
        climbed = self.verifiers[0]
        whole = climbed.width is None and climbed.withheld == 0 and climbed.level == "process"
        if self.reinforcement is not None and not whole:
            raise ValueError(
                f"verifier {climbed.name!r}: the first one is climbed by reinforcement, and must "
                "have the base's width, process labels, and see the whole prompt"
            )
        self._check_rounds()
        self._check_beam()
        return self

    def _check_rounds(self) -> None:
        if "rejection" not in self.trained:
            return
        if len(set(self.rounds)) < len(self.rounds) or not self.rounds:
            raise ValueError(f"rounds: must be different numbers, not {list(self.rounds)}")
        most = min(self.data_budget, self.cloning.steps)
        if max(self.rounds) > most:
            raise ValueError(
                f"rounds: {max(self.rounds)} rounds of rejection sampling need as many labels and "
                f"steps of cloning at least; at most {most} here"
            )

    def _check_beam(self) -> None:
        usual = "" if "beam" in self.model_fields_set else " (the default; give beam)"
        if self.horizon % self.beam.step:
            raise ValueError(
                f"beam: step {self.beam.step}{usual} does not divide H = {self.horizon}"
            )
        if self.num_candidates % self.beam.width:
            raise ValueError(
                f"beam: width {self.beam.width}{usual} does not divide num_candidates, "
                f"{self.num_candidates}"
            )
