"""What sampling, checking and labelling cost, in tokens and, where prices are given, in money."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from verigap.storage.tables import TableError


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices in one currency of the user's; None where a price was not given.

    Attributes:
      per_mtok: of a million sampled tokens.
      in_per_mtok: of a million prompt tokens; a prompt is paid once for its N candidates, and once
        for each trace to learn from.
      prompt_tokens: mean length of a prompt, which traces do not record; needed for the former.
      gpu_hour: of an hour of the machine that samples.
      tokens_per_second: that it samples; needed for the former.
      label_cost: of one label, that a trace is right or wrong.
      check_cost: of checking one candidate at test time.

    Raises:
      TableError: a price is negative, or needs a number that is missing, or a number is given
        without the price that it is for.

    Example:
      >>> from verigap.llm_validation.deciding.prices import Prices
      >>> Prices(per_mtok=2.0, check_cost=0.001).per_prompt(8, 500.0, checked=8)
      0.016
    """

    per_mtok: float | None = None
    in_per_mtok: float | None = None
    prompt_tokens: float | None = None
    gpu_hour: float | None = None
    tokens_per_second: float | None = None
    label_cost: float | None = None
    check_cost: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise TableError(f"{field.name}: {value!r} is out of range; give a number from 0")
        for price, needed in (("in_per_mtok", "prompt_tokens"), ("gpu_hour", "tokens_per_second")):
            if getattr(self, price) is not None and not getattr(self, needed):
                raise TableError(f"{price}: cannot be used without `{needed}`; give both")
            if getattr(self, needed) is not None and getattr(self, price) is None:
                raise TableError(f"{needed}: is of no use without `{price}`; give both or neither")

    @property
    def of_prompts(self) -> bool:
        """Whether a price was given that answering a prompt costs; labels are paid once."""
        each = (self.per_mtok, self.in_per_mtok, self.gpu_hour, self.check_cost)
        return any(price is not None for price in each)

    @property
    def per_token(self) -> float:
        """Of a sampled token."""
        machine = (self.gpu_hour or 0.0) / (3600.0 * (self.tokens_per_second or 1.0))
        return (self.per_mtok or 0.0) / 1e6 + machine

    @property
    def of_prompt(self) -> float:
        """Of reading one prompt."""
        return (self.in_per_mtok or 0.0) / 1e6 * (self.prompt_tokens or 0.0)

    def per_prompt(self, samples: int, length: float, *, checked: int = 0) -> float:
        """Cost of answering one prompt; NaN where nothing of it has a price.

        Args:
          samples: candidates that are drawn.
          length: mean tokens of each.
          checked: candidates that are checked.
        """
        if not self.of_prompts:
            return math.nan
        sampled = samples * length * self.per_token if self.per_token else 0.0
        return self.of_prompt + sampled + checked * (self.check_cost or 0.0)

    def of_training(self, traces: int, length: float, *, labelled: bool) -> float:
        """Cost of the traces that a learner learns from; NaN where nothing of it has a price.

        Training itself is not in it.

        Args:
          traces: n; each is sampled from a prompt that it must read.
          length: mean tokens of each.
          labelled: whether each needs a label.
        """
        tokens = (self.per_mtok, self.in_per_mtok, self.gpu_hour)
        priced = (*tokens, self.label_cost) if labelled else tokens
        if all(price is None for price in priced):
            return math.nan
        sampled = traces * length * self.per_token if self.per_token else 0.0
        labels = traces * (self.label_cost or 0.0) if labelled else 0.0
        return sampled + traces * self.of_prompt + labels

    def of_labels(self, labels: int) -> float:
        """Cost of labels; NaN where they have no price."""
        return math.nan if self.label_cost is None else labels * self.label_cost
