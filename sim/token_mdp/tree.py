"""Prefixes of at most H tokens as the nodes of a complete V-ary tree, in breadth-first order.

Node 0 is the empty prefix and node V s + 1 + a is prefix s with token a appended. The first
`states` nodes still have a token to come; the others are the traces, in lexicographic order. So
an array over (state, token) is at once an array over all prefixes but the empty one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, Int, Shaped

LARGEST_VOCABULARY = 4
LONGEST_HORIZON = 8


@dataclass(frozen=True)
class TokenTree:
    """All prefixes over a vocabulary, up to a horizon; small enough to enumerate.

    Attributes:
      vocabulary: V, number of tokens, in {1..4}.
      horizon: H, tokens of a trace, in {1..8}.

    Raises:
      ValueError: outside those ranges.
    """

    vocabulary: int
    horizon: int

    def __post_init__(self) -> None:
        if not 1 <= self.vocabulary <= LARGEST_VOCABULARY:
            raise ValueError(
                f"token tree: vocabulary is {self.vocabulary}, not in 1..{LARGEST_VOCABULARY}"
            )
        if not 1 <= self.horizon <= LONGEST_HORIZON:
            raise ValueError(f"token tree: horizon is {self.horizon}, not in 1..{LONGEST_HORIZON}")

    @classmethod
    def of(cls, table: Shaped[Array, "*batch states tokens"]) -> TokenTree:
        """The tree that an array over (state, token) belongs to.

        Raises:
          ValueError: if no horizon in range has that many states.
        """
        states, vocabulary = table.shape[-2:]
        for horizon in range(1, LONGEST_HORIZON + 1):
            tree = cls(vocabulary, horizon)
            if tree.states == states:
                return tree
        raise ValueError(f"token tree: no horizon has {states} states over {vocabulary} tokens")

    @property
    def states(self) -> int:
        """Number of prefixes of fewer than H tokens."""
        return self.first_state(self.horizon)

    @property
    def traces(self) -> int:
        """Number of traces, V^H."""
        return self.vocabulary**self.horizon

    def first_state(self, depth: int) -> int:
        """Index of the first prefix of `depth` tokens."""
        return sum(self.vocabulary**shorter for shorter in range(depth))

    def level(self, depth: int) -> slice:
        """The states of `depth` tokens, 0 <= depth < H."""
        return slice(self.first_state(depth), self.first_state(depth + 1))

    def tokens(self) -> Int[np.ndarray, "traces horizon"]:
        """The tokens of every trace."""
        places = self.vocabulary ** np.arange(self.horizon - 1, -1, -1)
        return np.arange(self.traces)[:, None] // places % self.vocabulary


def walk_down(
    tree: TokenTree,
    edges: Shaped[Array, "prompts states tokens"],
    start: Shaped[Array, "prompts 1"],
    step: Callable[[Array, Array], Array],
) -> list[Array]:
    """Accumulate `step(parent, edge)` from the empty prefix to the traces.

    Returns:
      One array a depth 0..H, of shape (prompts, V^depth).
    """
    levels = [start]
    for depth in range(tree.horizon):
        children = step(levels[-1][:, :, None], edges[:, tree.level(depth), :])
        levels.append(children.reshape(children.shape[0], -1))
    return levels


def walk_up(
    tree: TokenTree,
    leaves: Shaped[Array, "prompts traces"],
    step: Callable[..., Array],
    *edges: Shaped[Array, "prompts states tokens"],
) -> list[Array]:
    """Reduce `step(children, *edges)`, each (prompts, V^depth, V), from the traces to the root.

    Returns:
      One array a depth 0..H, of shape (prompts, V^depth); the last one is `leaves`.
    """
    levels = [leaves]
    for depth in reversed(range(tree.horizon)):
        children = levels[-1].reshape(leaves.shape[0], -1, tree.vocabulary)
        levels.append(step(children, *(edge[:, tree.level(depth), :] for edge in edges)))
    return levels[::-1]
