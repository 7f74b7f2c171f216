"""One cell of the comparison: every method trained, answered with, and charged for."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int

from verigap.sim.models.accounting import sampling_flops
from verigap.sim.models.transformer import Params
from verigap.sim.planted.instance import PlantedTraining
from verigap.sim.planted.methods.candidates import Candidates, draw_candidates, random_orders
from verigap.sim.planted.methods.parameters import MethodsParameters
from verigap.sim.planted.methods.selecting import Selected, Votes, votes
from verigap.sim.planted.methods.spending import Spending, TrainingBudget
from verigap.sim.planted.methods.verifiers import Verifier


class MethodsCell(PlantedTraining):
    """What all methods of one cell share."""

    @property
    def parameters(self) -> MethodsParameters:
        """The configuration of the cell."""
        p = self.instance.parameters
        assert isinstance(p, MethodsParameters)
        return p

    @cached_property
    def budget(self) -> TrainingBudget:
        """n traces, the tokens of a verifier and of reinforcement against it, and N traces."""
        p = self.parameters
        spec = p.reinforcement
        drawn = 0 if spec is None else spec.steps * spec.prompts * spec.group
        verifier = p.verifier.steps * p.verifier.batch
        cloning = p.cloning.steps * p.cloning.batch
        return TrainingBudget(
            traces=p.data_budget,
            training_tokens=float((max(verifier + drawn, cloning) + p.data_budget) * p.horizon),
            answer_tokens=float(p.num_candidates * p.horizon),
        )

    @cached_property
    def sets(self) -> Int[np.ndarray, "sets N"]:
        """The sets of N samples that every selection is averaged over."""
        p = self.parameters
        return random_orders(0, p.samples, p.num_candidates, p.orders)

    @cached_property
    def own(self) -> Candidates:
        """Traces of the base."""
        return self.drawn("base", self.base)

    @cached_property
    def own_votes(self) -> Votes:
        """What the traces of the base vote for."""
        return votes(self.own, self.parameters.vocabulary)

    def drawn(self, name: str, policy: Params) -> Candidates:
        """Traces of a policy."""
        return draw_candidates(self.key(f"candidates {name}"), self.instance, policy)

    def answer(self, samples: float, verifier: Verifier | None = None) -> Spending:
        """What drawing so many traces, and having a verifier read them, costs."""
        p = self.parameters
        each = float(sampling_flops(self.instance.config, p.symbols, p.horizon))
        if verifier is not None:
            each += verifier.reading_flops(p.symbols, p.horizon)
        return Spending(answer_tokens=samples * p.horizon, answer_flops=samples * each)

    def row(
        self,
        method: str,
        selected: Selected,
        trained: Spending,
        *,
        side: str,
        verifier: Verifier | None = None,
        exact: bool = False,
    ) -> dict[str, Any]:
        """The row of a method, if it kept to the budget.

        Args:
          method: its name.
          selected: what it earns.
          trained: what its training was given.
          side: "vf", "vb", or "base" of what learns nothing.
          verifier: the network that it asks.
          exact: whether it asks the true reward of the prompt's own traces.

        Raises:
          BudgetExceeded: it was given more.
        """
        spent = trained + self.answer(selected.samples, verifier)
        if exact:
            spent = replace(spent, checks=selected.samples)
        asked = verifier.spec.name if verifier is not None else ""
        name = "exact" if exact else asked
        self.budget.admit(f"{method} {name}".strip(), spent)
        return {
            "method": method,
            "side": side,
            "verifier": name,
            "value": selected.value.tolist(),
            "success": selected.success.tolist(),
            **{name: float(value) for name, value in asdict(spent).items()},
        }
