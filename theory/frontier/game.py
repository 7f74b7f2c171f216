"""The verdict of the exact risks of the game on one prompt, on the same leash, and its frontier."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from verigap.theory.bounds.bound import Setting
from verigap.theory.experts import Expert, saturation_radius
from verigap.theory.frontier.crossings import Crossings, solve_crossings, whole_crossing
from verigap.theory.frontier.moves import Parameter
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.same_leash import (
    LeashedShares,
    all_or_nothing,
    expert_shares,
    leashed_shares,
    two_returns,
)

MARGIN = 0.01
"""A lead below a hundredth of what the expert adds to the base is none."""

# Neither certain nor impossible, as a base must be.
_LEAST, _MOST = 1e-6, 1.0 - 1e-6


def success_of(sd: float, *, likely: bool = True) -> float:
    """The success probability whose return, all or nothing, has a standard deviation.

    Args:
      sd: as a share of the return, in [0, 1/2].
      likely: whether the probability is at least 1/2.

    Raises:
      ValueError: the standard deviation is out of range.

    Example:
      >>> from verigap.theory.frontier import success_of
      >>> success_of(0.5), success_of(0.0)
      (0.5, 1.0)
    """
    if not 0.0 <= sd <= 0.5:
        raise ValueError(f"sd: must be in [0, 1/2] of the return, not {sd:g}")
    root = math.sqrt(max(0.25 - sd * sd, 0.0))
    return 0.5 + root if likely else 0.5 - root


def two_return_shares(
    sd: float, coverage: float, data_budget: int, log2_class_size: float, *, likely: bool = True
) -> LeashedShares:
    """Exact shares in the game of all-or-nothing returns, at a place of the phase diagram.

    The expert succeeds with probability q, sigma_e/H = sqrt(q (1 - q)), and the base with
    p = c0 q. Any p is a law of the game, with as many equally likely traces as it takes; one that
    is no fraction is its limit.

    Args:
      sd: sigma_e as a share of the return, in [0, 1/2].
      coverage: c0 in (0, 1].
      data_budget: n, traces.
      log2_class_size: d > 0, bits.
      likely: whether q is at least 1/2.

    Example:
      >>> from verigap.theory.frontier import two_return_shares
      >>> round(two_return_shares(0.5, 0.5, 16, 10.0).lead, 3)
      0.696
    """
    q = success_of(sd, likely=likely)
    p = min(max(coverage * q, _LEAST), _MOST)
    return leashed_shares(*all_or_nothing(p, max(q, p)), data_budget, log2_class_size)


def exact_coverage_frontier(
    sd: Float[np.ndarray, " points"],
    data_budget: int,
    log2_class_size: float,
    *,
    level: float = 0.0,
    lowest: float = 1e-4,
) -> Crossings:
    """c0 at which verifying leads by a level, for each heterogeneity of the all-or-nothing game.

    Args:
      sd: sigma_e as shares of the return, in [0, 1/2].
      data_budget: n, traces.
      log2_class_size: d > 0, bits.
      level: of the lead, a share of the expert's gain.
      lowest: coverage that the search begins at; it ends at full coverage.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.frontier import exact_coverage_frontier
      >>> exact_coverage_frontier(np.asarray([0.1, 0.5]), 16, 10.0).at.round(3).tolist()
      [0.456, 0.298]
    """

    def lead(coverage: Float[np.ndarray, " m"], point: Int[np.ndarray, " m"]) -> np.ndarray:
        return np.asarray(
            [
                two_return_shares(float(sd[index]), float(c0), data_budget, log2_class_size).lead
                for c0, index in zip(coverage, point, strict=True)
            ]
        )

    ends = np.full(len(sd), lowest), np.full(len(sd), _MOST)
    return solve_crossings(lead, *ends, level=level)


def exact_radius_frontier(
    law: RewardLaw,
    data_budget: int,
    log2_class_sizes: Float[np.ndarray, " points"],
    *,
    level: float = 0.0,
    lowest: float = 1e-3,
    highest: float | None = None,
) -> Crossings:
    """Radius kappa of the expert and the leash at which verifying leads by a level, for each d.

    Args:
      law: of one prompt, shape (1, K).
      data_budget: n, traces.
      log2_class_sizes: d > 0, bits.
      level: of the lead, a share of the expert's gain.
      lowest: radius that the search begins at.
      highest: where it ends; by default where the expert plays only the best return.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.frontier import exact_radius_frontier
      >>> from verigap.theory.risks import all_or_nothing
      >>> law, _ = all_or_nothing(0.25, 0.25)
      >>> exact_radius_frontier(law, 32, np.asarray([10.0, 20.0])).crosses.tolist()
      [True, True]
    """
    end = float(saturation_radius(law)[0]) if highest is None else highest

    def lead(radius: Float[np.ndarray, " m"], point: Int[np.ndarray, " m"]) -> np.ndarray:
        return np.asarray(
            [
                expert_shares(law, float(kappa), data_budget, float(log2_class_sizes[index])).lead
                for kappa, index in zip(radius, point, strict=True)
            ]
        )

    size = len(log2_class_sizes)
    return solve_crossings(lead, np.full(size, lowest), np.full(size, end), level=level)


def exact_horizon_frontier(
    law_at: Callable[[int], RewardLaw],
    expert_radius: float,
    data_budgets: Int[np.ndarray, " points"],
    log2_class_size: float,
    *,
    lowest: int,
    highest: int,
    level: float = 0.0,
) -> list[int | None]:
    """The smallest budget H on the other side of a lead of verifying, for each n; None for none.

    Args:
      law_at: the law of one prompt, shape (1, K), at a budget H.
      expert_radius: kappa' of the expert and of the leash, at every budget.
      data_budgets: n, traces.
      log2_class_size: d > 0, bits.
      lowest: budget that the search begins at.
      highest: budget that it ends at.
      level: of the lead, a share of the expert's gain.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import geometric_hitting_time
      >>> from verigap.theory.frontier import exact_horizon_frontier
      >>> def law_at(horizon):
      ...     return geometric_hitting_time(np.asarray([0.05]), horizon)
      >>> exact_horizon_frontier(law_at, 1.0, np.asarray([8]), 10.0, lowest=2, highest=16)
      [3]
    """
    laws: dict[int, RewardLaw] = {}

    def lead(horizon: int, data_budget: int) -> float:
        law = laws.setdefault(horizon, law_at(horizon))
        return expert_shares(law, expert_radius, data_budget, log2_class_size).lead

    return [
        whole_crossing(lambda h, n=int(n): lead(h, n), lowest, highest, level=level, steps=13)
        for n in data_budgets
    ]


def game_parameters(
    setting: Setting, law_at: Callable[[int], RewardLaw] | None = None
) -> tuple[Parameter, ...]:
    """What the verdict of the exact risks depends on, in a setting of one prompt in NumPy.

    Args:
      setting: one setting, without batch axes; the expert is that which demonstrates.
      law_at: its law at another budget; by default the law keeps its shape, so that the budget
        moves nothing.

    Returns:
      Traces n, budget H, heterogeneity sigma_e and coverage c0 where the law has two returns, as
      they say all of it, leash kappa, and class size d, which is taken as a real number.

    Raises:
      ValueError: the law is of several prompts, or not known.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> from verigap.theory.frontier import game_parameters
      >>> for parameter in game_parameters(example_setting())[:3]:
      ...     print(parameter.name, round(parameter.value, 2))
      data_budget 64.0
      horizon 64.0
      expert_sd 31.35
    """
    if setting.law.probabilities.shape[0] != 1 or not setting.law_known:
        raise ValueError("law: must be known and of one prompt for exact risks")
    law, radius = setting.law, float(setting.expert_radius)
    n, size = int(setting.data_budget), float(setting.log2_class_size)

    def lead(kappa: float = radius, traces: int = n, d: float = size) -> float:
        return expert_shares(law, kappa, traces, d, ball=setting.ball).lead

    def budget(horizon: float) -> float:
        own = law if law_at is None else law_at(int(horizon))
        return expert_shares(own, radius, n, size, ball=setting.ball).lead

    return (
        Parameter(
            name="data_budget", value=float(n), lead=lambda m: lead(traces=int(m)), low=1.0,
            whole=True,
        ),
        Parameter(
            name="horizon", value=float(setting.horizon), lead=budget, low=1.0, whole=True
        ),
        *_places(setting.ball.expert(law, radius), law, n, size),
        Parameter(
            name="class_radius", value=float(setting.class_radius),
            lead=lambda kappa: lead(kappa=radius * kappa / float(setting.class_radius)),
        ),
        Parameter(
            name="log2_class_size", value=size, lead=lambda d: lead(d=d),
            low=min(1.0, size),
        ),
    )  # fmt: skip


def _places(expert: Expert, law: RewardLaw, n: int, size: float) -> tuple[Parameter, ...]:
    """Heterogeneity and coverage, where a law of two returns lets them be moved one by one."""
    if not two_returns(law):
        return ()
    best = law.atoms == law.maximum[..., None]
    p = float(np.sum(np.where(best, law.probabilities, 0.0)))
    q = float(np.sum(np.where(best, law.probabilities * expert.density_ratio, 0.0)))
    unit, sd, likely = float(law.maximum[0] - law.minimum[0]), math.sqrt(q * (1.0 - q)), q >= 0.5
    coverage = p / q

    def at(new_sd: float, new_coverage: float) -> float:
        return two_return_shares(min(new_sd, 0.5), new_coverage, n, size, likely=likely).lead

    spread = Parameter(
        name="expert_sd", value=unit * sd, lead=lambda s: at(s / unit, coverage), high=0.5 * unit
    )
    cover = Parameter(
        name="coverage", value=coverage, lead=lambda c: at(sd, c), high=max(_MOST, coverage)
    )
    return (spread, cover) if sd > 0 else (cover,)
