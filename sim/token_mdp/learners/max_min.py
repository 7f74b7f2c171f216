"""Pessimism: the policy of bounded density ratio whose worst value over several rewards is best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num
from scipy import optimize, sparse


class MaxMin(NamedTuple):
    """A saddle point of max over policies, min over rewards.

    Attributes:
      density_ratio: of the policy to the base; 0 on traces that the base never makes.
      value: the worst value of the policy (tokens).
      prior: the mixture of the rewards under which no policy has a larger value.
    """

    density_ratio: Float[np.ndarray, "prompts traces"]
    value: float
    prior: Float[np.ndarray, " members"]


def max_min_policy(
    prompt_law: Float[np.ndarray, " prompts"],
    base: Float[np.ndarray, "prompts traces"],
    returns: Num[np.ndarray, "members prompts traces"],
    coverage: float,
) -> MaxMin:
    """argmax over density ratios <= 1/coverage of min over members of E_x E[R], a linear programme.

    Traces of one prompt that every member pays alike are one variable: spreading a policy over
    them in proportion to the base changes no value and no bound. The prior is the dual solution.

    Args:
      prompt_law: rho.
      base: probabilities of the traces under the base.
      returns: of each trace under each member (tokens).
      coverage: c0 in (0, 1].

    Raises:
      ValueError: coverage outside (0, 1], or no member.
      RuntimeError: if the solver fails.
    """
    members, prompts, traces = returns.shape
    if not 0 < coverage <= 1:
        raise ValueError(f"max-min policy: coverage is {coverage}, not in (0, 1]")
    if members == 0:
        raise ValueError("max-min policy: no reward to be pessimistic about")
    place = np.repeat(np.arange(prompts), traces)
    columns = np.column_stack([place, returns.reshape(members, -1).T])
    cells, cell = np.unique(columns, axis=0, return_inverse=True)
    mass = np.bincount(cell.ravel(), weights=base.ravel())
    prompt, paid = cells[:, 0].astype(int), cells[:, 1:]
    # Variables: the policy's mass in each cell given its prompt, and the worst value.
    losses = np.column_stack([-prompt_law[prompt] * paid.T, np.ones(members)])
    one = np.ones(len(cells))
    normal = sparse.coo_array((one, (prompt, np.arange(len(cells)))), (prompts, len(cells) + 1))
    # The base itself must stay feasible when c0 = 1, whatever its rounding.
    total = np.bincount(prompt, weights=mass, minlength=prompts)
    solved = optimize.linprog(
        c=np.append(np.zeros(len(cells)), -1.0),
        A_ub=losses,
        b_ub=np.zeros(members),
        A_eq=normal.tocsr(),
        b_eq=total,
        bounds=[*((0.0, bound) for bound in mass / coverage), (None, None)],
        method="highs",
    )
    if solved.status != 0:
        raise RuntimeError(f"max-min policy: {solved.message}")
    taken = np.clip(solved.x[:-1], 0.0, mass / coverage)
    charged = mass > 0
    ratio = np.where(charged, taken / np.where(charged, mass, 1.0), 0.0)
    prior = np.clip(-solved.ineqlin.marginals, 0.0, None)
    return MaxMin(ratio[cell].reshape(prompts, traces), float(solved.x[-1]), prior / prior.sum())
