"""Shares of the expert's gain that cloning and verifying earn in the game, on the same leash.

Both play the expert's tilt of the codeword that they pick, so each earns the share of the expert's
gain with which its pick is the true codeword: VF-MLE P(correct), a random consistent reward
E[1/(S + 1)] (docs/theory.md, exact risks). Pessimism earns at least what the latter does.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import Array, host_array, xp
from verigap.theory.balls import BALLS, Ball
from verigap.theory.binomial_lattices import two_values
from verigap.theory.lattice_ends import label_ends, likelihood_ends
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.version_space import survivor_share
from verigap.theory.risks.vf_mle import probability_correct

_CELLS = 1 << 15


@dataclass(frozen=True, kw_only=True)
class LeashedShares:
    """How often each side picks the true codeword; what it earns in shares of the expert's gain.

    Attributes:
      cloning: P(VF-MLE is right), in [0, 1].
      verifying: P(a random consistent reward is the true one), in [0, 1].
      error: how far `lead` may be off; 0 where no score was put on a lattice.
    """

    cloning: float
    verifying: float
    error: float

    @property
    def lead(self) -> float:
        """J_VB - J_VF on the leash as a share of J_expert - J_base, in [-1, 1]."""
        return self.verifying - self.cloning

    @property
    def exact(self) -> bool:
        """Whether both shares are sums over the types of the scores, right up to rounding."""
        return self.error == 0.0


def all_or_nothing(success: float, expert_success: float) -> tuple[RewardLaw, Float[Array, "1 2"]]:
    """The law that returns 1 with a probability and else 0, and the density ratio of an expert.

    Up to its unit and zero it is every law of two returns; 1/2 gives the two-level law.

    Args:
      success: p of the base, in (0, 1).
      expert_success: q of the expert, in [p, 1].

    Example:
      >>> from verigap.theory.risks import all_or_nothing
      >>> law, ratio = all_or_nothing(0.25, 0.75)
      >>> law.probabilities.tolist(), ratio.round(3).tolist()
      ([[0.75, 0.25]], [[0.333, 3.0]])
    """
    if not 0.0 < success <= expert_success <= 1.0 or success == 1.0:
        raise ValueError(
            f"success: needs 0 < success <= expert_success <= 1 and success < 1, not {success:g} "
            f"and {expert_success:g}"
        )
    law = RewardLaw(host_array([0.0, 1.0]), host_array([[1.0 - success, success]]))
    ratio = [[(1.0 - expert_success) / (1.0 - success), expert_success / success]]
    return law, host_array(ratio)


def leashed_shares(
    law: RewardLaw,
    density_ratio: Float[Array, "1 K"],
    data_budget: int,
    log2_class_size: float,
) -> LeashedShares:
    """Both shares in the game of one prompt; exact where returns and density ratio have two values.

    Elsewhere scores are put on a lattice, and the shares are the middles of the ends between which
    they lie. It runs on the host.

    Args:
      law: of one prompt, shape (1, K).
      density_ratio: of the expert to the base.
      data_budget: n, expert traces of cloning and labels of verifying.
      log2_class_size: d > 0, bits; any real number, as only 2^d enters.

    Raises:
      ValueError: the law is of several prompts.

    Example:
      >>> from verigap.theory.risks import all_or_nothing, leashed_shares
      >>> shares = leashed_shares(*all_or_nothing(0.5, 1.0), data_budget=8, log2_class_size=4.0)
      >>> round(shares.cloning, 4), round(shares.verifying, 4), shares.exact
      (0.9712, 0.9712, True)
    """
    if law.probabilities.shape[0] != 1 or law.probabilities.ndim != 2:
        raise ValueError(f"law: must be of one prompt, not of shape {law.probabilities.shape}")
    host = law.in_numpy()
    ratio, n, size = map(host_array, (density_ratio, float(data_budget), log2_class_size))
    if two_returns(host) and bool(two_values(host, ratio)[1]):
        ends = _ends(host, ratio, n, size)
    else:
        ends = _compiled_ends(*jax.tree.map(jnp.asarray, (*_filled_up(host, ratio), n, size)))
    (few, many, picked), (least, most, survived) = jax.device_get(ends)
    exact = bool(picked) and bool(survived)
    return LeashedShares(
        cloning=float(0.5 * (few + many)),
        verifying=float(0.5 * (least + most)),
        error=0.0 if exact else float(0.5 * (abs(many - few) + abs(most - least))),
    )


def two_returns(law: RewardLaw) -> bool:
    """Whether a law of one prompt, in NumPy, has exactly two returns of positive probability.

    Example:
      >>> from verigap.theory.risks import all_or_nothing
      >>> from verigap.theory.risks.same_leash import two_returns
      >>> two_returns(all_or_nothing(0.25, 0.75)[0])
      True
    """
    charged = np.asarray(law.atoms)[np.asarray(law.probabilities) > 0]
    return law.probabilities.shape[0] == 1 and np.unique(charged).size == 2


def _filled_up(
    law: RewardLaw, ratio: Float[Array, "1 K"]
) -> tuple[RewardLaw, Float[Array, "1 filled"]]:
    """The same with impossible returns, a power of two in all: few shapes are ever compiled."""
    missing = (1 << max(5, (ratio.shape[-1] - 1).bit_length())) - ratio.shape[-1]
    room = ((0, 0), (0, missing))
    atoms, mass = np.pad(law.atoms, room, mode="edge"), np.pad(law.probabilities, room)
    return RewardLaw(host_array(atoms), host_array(mass)), host_array(np.pad(ratio, room))


def _ends(
    law: RewardLaw,
    ratio: Float[Array, "1 K"],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
):
    """Ends of P(correct), then of E[1/(S + 1)], each with whether they are exact."""
    scores = likelihood_ends(law, ratio, data_budget, log2_class_size, _CELLS)
    labels = label_ends(law, data_budget, _CELLS)
    return (
        (
            probability_correct(scores.low, log2_class_size),
            probability_correct(scores.high, log2_class_size),
            scores.exact,
        ),
        (
            xp.clip(survivor_share(labels.low, log2_class_size), 0.0, 1.0),
            xp.clip(survivor_share(labels.high, log2_class_size), 0.0, 1.0),
            labels.exact,
        ),
    )


_compiled_ends = jax.jit(_ends)


def expert_shares(
    law: RewardLaw,
    expert_radius: float,
    data_budget: int,
    log2_class_size: float,
    *,
    ball: Ball = BALLS["chi2"],
) -> LeashedShares:
    """`leashed_shares` with the best expert of a ball around the base.

    Args:
      law: of one prompt, shape (1, K).
      expert_radius: kappa' of the expert, and of the leash.
      data_budget: n, traces.
      log2_class_size: d > 0, bits.
      ball: whose radius it is, chi-square by default.

    Raises:
      ValueError: the law is of several prompts.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.risks import expert_shares
      >>> law = RewardLaw.equiprobable(np.asarray([[0.0, 0.0, 0.0, 8.0]]))
      >>> shares = expert_shares(law, 1.0, data_budget=16, log2_class_size=10.0)
      >>> round(shares.lead, 3)
      0.203
    """
    ratio = ball.expert(law, expert_radius).density_ratio
    return leashed_shares(law, ratio, data_budget, log2_class_size)
