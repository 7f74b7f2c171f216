"""What a method was given: labels, tokens, operations; and the budget that it must keep to."""

from __future__ import annotations

from dataclasses import asdict, dataclass


class BudgetExceeded(ValueError):
    """A method was given more than the comparison allows."""


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What one method was given; the parts of a method add up.

    Attributes:
      demonstrations: expert traces.
      labels: base or policy traces whose reward was revealed.
      training_tokens: trace tokens that were drawn for training or trained on.
      training_flops: floating-point operations of that.
      answer_tokens: trace tokens drawn for one answer, in the mean.
      answer_flops: operations of one answer, the verifier's reading included.
      checks: traces of the prompt itself whose true reward was looked at for one answer.
    """

    demonstrations: float = 0
    labels: float = 0
    training_tokens: float = 0.0
    training_flops: float = 0.0
    answer_tokens: float = 0.0
    answer_flops: float = 0.0
    checks: float = 0.0

    def __add__(self, other: Spending) -> Spending:
        mine, more = asdict(self), asdict(other)
        return Spending(**{name: mine[name] + more[name] for name in mine})


@dataclass(frozen=True, kw_only=True)
class TrainingBudget:
    """What every method of a comparison may spend at most.

    Attributes:
      traces: demonstrations and labels together: n.
      training_tokens: see `Spending`.
      answer_tokens: see `Spending`; N H.
    """

    traces: int
    training_tokens: float
    answer_tokens: float

    def admit(self, method: str, spent: Spending) -> None:
        """Refuse a method that was given too much.

        Raises:
          BudgetExceeded: says which method, of what, and how much.

        Example:
          >>> from verigap.sim.planted.methods.spending import Spending, TrainingBudget
          >>> budget = TrainingBudget(traces=8, training_tokens=1e3, answer_tokens=64)
          >>> budget.admit("vote", Spending(answer_tokens=64))
          >>> budget.admit("both", Spending(demonstrations=8, labels=8))
          Traceback (most recent call last):
            ...
          verigap.sim.planted.methods.spending.BudgetExceeded: both: 16 traces, of 8 allowed
        """
        for what, used, most in (
            ("traces", spent.demonstrations + spent.labels, self.traces),
            ("training tokens", spent.training_tokens, self.training_tokens),
            ("tokens an answer", spent.answer_tokens, self.answer_tokens),
        ):
            # Means of tokens are sums of floats.
            if used > most * (1 + 1e-9):
                raise BudgetExceeded(f"{method}: {used:,.10g} {what}, of {most:,.10g} allowed")
