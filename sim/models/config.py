"""The shape of a transformer: every number that fixes its parameters and its compiled programs."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of one transformer; hashable, so that it can be a static argument.

    Attributes:
      vocabulary: ids that may be read, prompt symbols included.
      outputs: numbers predicted at every position: trace tokens, or 1 for a verifier.
      length: positions that may be read, prompt included.
      layers: blocks of attention and perceptron.
      width: of the residual stream.
      heads: of attention; a divisor of the width.
      expansion: width of the perceptron's hidden layer over the width of the stream.

    Raises:
      ValueError: a size is not a positive whole number, or the heads do not divide the width.
    """

    vocabulary: int
    outputs: int
    length: int
    layers: int = 2
    width: int = 64
    heads: int = 2
    expansion: int = 4

    def __post_init__(self) -> None:
        for field in fields(self):
            size = getattr(self, field.name)
            if type(size) is not int or size < 1:
                raise ValueError(f"{field.name} = {size!r}: must be a positive whole number")
        if self.width % self.heads:
            raise ValueError(f"heads = {self.heads}: must divide the width {self.width}")
