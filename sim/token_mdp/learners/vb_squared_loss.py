"""VB squared-loss version space + pessimism: the paper's general algorithm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from scipy import special

from verigap.sim.token_mdp.learners.learner import Labels, VerificationProblem
from verigap.sim.token_mdp.learners.survivors import mean_squared_error, pessimistic, played
from verigap.sim.token_mdp.mdp import TokenPolicy


def squared_error_budget(tolerance: float, log_rivals_over_delta: float, traces: int) -> float:
    """z_bar = sup {z in [beta, 1] : kl(beta || z) <= ell / n}: how wrong a survivor may be.

    kl is the binary relative entropy (nats). At beta = 0 this is 1 - e^{-ell/n}.

    Args:
      tolerance: beta in [0, 1), the mean squared error that survives, in units of H^2.
      log_rivals_over_delta: ell = ln((class size - 1) / delta) >= 0, nats.
      traces: n >= 1.
    """
    allowed = log_rivals_over_delta / traces
    if tolerance == 0:
        return -math.expm1(-allowed)

    low, high = tolerance, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        entropy = special.rel_entr(tolerance, middle)
        entropy += special.rel_entr(1.0 - tolerance, 1.0 - middle)
        low, high = (middle, high) if entropy <= allowed else (low, middle)
    return high


@dataclass(frozen=True)
class VBSquaredLoss:
    """Pessimism over the rewards of mean squared error at most beta H^2 on the labels.

    Formal guarantee: let labels be noiseless and the true reward be in the class. With probability
    at least 1 - delta over n labelled base traces, for every pi_e in the chi-square ball of radius
    kappa at once,

      J(pi_e) - J(policy) <= H sqrt(z_bar / c0),

    z_bar = `squared_error_budget(beta, ln((class size - 1) / delta), n)`, for c0 at most every
    alpha_x(kappa) of the true reward. At beta = 0 it is VB-UPPER-SQUARED, whose version space is
    that of the 0/1 loss. Proof: docs/games/token-mdp.md#the-squared-loss-version-space.

    Attributes:
      tolerance: beta in [0, 1).

    Raises:
      ValueError: if the tolerance is outside [0, 1).
    """

    tolerance: float = 0.02
    name: ClassVar[str] = "vb-squared-loss"
    uses_prompt_law: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise ValueError(f"squared loss: tolerance is {self.tolerance}, not in [0, 1)")

    def policy(self, problem: VerificationProblem, seen: Labels) -> TokenPolicy:
        """The max-min policy over the survivors."""
        # Errors are rational and a sum in floats; one that equals beta survives.
        kept = mean_squared_error(problem, seen) <= self.tolerance * (1.0 + 1e-12)
        return played(problem, pessimistic(problem, kept).density_ratio)
