"""The relabelling game as a token MDP: every prompt, trace and codeword written out.

K equally likely traces differ at the first token; each of 2^d codewords pays them the K returns in
an order of its own. A prompt is one joint choice of the orders, and all are equally likely, so
codewords relabel independently (docs/theory.md#relabelling-game).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from math import factorial

import jax.numpy as jnp
import numpy as np

from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward
from verigap.sim.token_mdp.random_instances import TokenInstance
from verigap.sim.token_mdp.tree import TokenTree

MOST_PROMPTS = 4096


def embedded_relabelling_game(
    returns: Sequence[int], log2_class_size: int, horizon: int
) -> TokenInstance:
    """The game whose codewords are the rewards of an instance; codeword 0 is the true one.

    Args:
      returns: R_1..R_K, integers in {0..H} (tokens); K <= 4.
      log2_class_size: d.
      horizon: H, tokens.

    Raises:
      ValueError: a return outside {0..H}, or more than 4,096 prompts, (K!)^(2^d).
    """
    tree = TokenTree(len(returns), horizon)
    if not all(0 <= paid <= horizon for paid in returns):
        raise ValueError(f"relabelling game: returns {list(returns)} are not all in 0..{horizon}")
    codewords = 2**log2_class_size
    if codewords > 16 or (prompts := factorial(len(returns)) ** codewords) > MOST_PROMPTS:
        raise ValueError(
            f"relabelling game: {len(returns)} traces and {codewords} codewords need more than "
            f"{MOST_PROMPTS} prompts"
        )
    orders = list(permutations(returns))
    # Shape (codewords, prompts, K): what each codeword pays each trace of each prompt.
    paid = np.array(list(product(orders, repeat=codewords))).swapaxes(0, 1)
    correct = np.zeros((codewords, prompts, tree.states, tree.vocabulary), bool)
    for depth in range(horizon):
        # At this depth a prefix's first token, its last one included, is its leading digit.
        edges = np.arange(tree.vocabulary ** (depth + 1)) // tree.vocabulary**depth
        hit = horizon - paid[..., edges] <= depth
        correct[..., tree.level(depth), :] = hit.reshape(*hit.shape[:2], -1, tree.vocabulary)
    # After the first token the base has one continuation, so that there are K traces.
    rows = np.zeros((prompts, tree.states, tree.vocabulary))
    rows[..., 0] = 1.0
    rows[:, 0, :] = 1.0 / tree.vocabulary
    even = np.full(prompts, 1.0 / prompts)
    return TokenInstance(
        jnp.asarray(even), TokenPolicy(jnp.asarray(rows)), TokenReward.checked(correct)
    )
