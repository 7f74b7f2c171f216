"""At least the probability that maximum likelihood picks the true codeword.

No proper learner is right more often, on average over codewords: docs/theory.md#vf-lower-proper.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, no_gradient, running_logsumexp, running_sum, xp
from verigap.theory.bounds.agreements import agreement_cells, log_base_at_least, nothing_of
from verigap.theory.bounds.bound import Setting
from verigap.theory.bounds.likelihood_tails import log_ratio_moments, smallest
from verigap.theory.precision import ROUNDINGS, rounded_down, rounded_up
from verigap.theory.risks.ties import log_minus_log1p_neg, log_tie_share


def mle_success(setting: Setting) -> Float[Array, ""]:
    """An upper bound on P(correct) of VF-MLE, ties broken uniformly, in (0, 1].

    Exact up to rounding in the two-level game on one prompt up to about 200,000 traces, above it
    where neighbouring counts are merged; a moment bound for other laws, and there not exact.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(mle_success(example_setting())), 4)
      0.0248
    """
    if setting.law.probabilities.shape == (1, 2):
        return _two_level_success(setting)
    return _moment_success(setting)


def _two_level_success(setting: Setting) -> Float[Array, ""]:
    """sum_a P_expert(a) [(1 - t)^M - (1 - t - g)^M] / (M g): t of more agreements, g of as many.

    The share falls with t and with g, and with t alone where it is multiplied by g.
    """
    cells = agreement_cells(setting)
    base = log_base_at_least(cells, setting.data_budget)
    better = _log_sum_above(base)
    # Of several counts: all of the expert's mass, moved to the largest L.
    single = cells.first == cells.last
    most = cells.log_expert - cells.log_ratio + cells.log_ratio_span
    most = rounded_up(xp.maximum(most, nothing_of(most)))
    log_share = _log_share_of_winner(xp.where(single, base, most), better, setting)
    weight = cells.log_expert + cells.log_ratio_span
    outside = xp.exp(cells.log_below) + xp.exp(cells.log_beyond)
    inside = xp.sum(rounded_up(xp.exp(xp.minimum(weight + log_share, 1.0))))
    success = xp.minimum(rounded_up(inside + outside), 1.0)
    return xp.where(setting.log_class > 0, success, 1.0)


def _log_sum_above(logs: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """ln of the sum of the exponentials of all later entries, at most."""
    nothing = xp.full_like(logs[:1], nothing_of(logs))
    if logs.dtype == xp.float64:
        # Much faster in JAX; what underflows is missing, which is the safe side.
        top = no_gradient(xp.max(logs))
        sums = running_sum(xp.exp(logs - top), reverse=True)
        logs = xp.log(rounded_down(sums) + float(xp.finfo(sums.dtype).tiny)) + top
    else:
        logs = running_logsumexp(logs, reverse=True)
    return xp.minimum(xp.concatenate([logs[1:], nothing]), 0.0)


def _log_share_of_winner(
    log_tie: Float[Array, " cells"], log_better: Float[Array, " cells"], setting: Setting
) -> Float[Array, " cells"]:
    """ln of the chance that a codeword of this score is picked among 2^d, at least."""
    log_keep = -xp.exp(xp.minimum(log_minus_log1p_neg(log_better), 50.0))
    log_ties = xp.minimum(log_tie - log_keep, 0.0)
    several = setting.log_class > 0
    log_others = log_minus_log1p_neg(log_better) + setting.log_rivals
    log_nobody = xp.where(several, -xp.exp(xp.minimum(log_others, 80.0)), 0.0)
    share = log_nobody + log_tie_share(log_ties, setting.log2_class_size)
    # The share is a difference of logarithms of the size of ln M.
    rounding = ROUNDINGS * float(xp.finfo(share.dtype).eps) * (1.0 + setting.log_class)
    return xp.minimum(share + rounding, 0.0)


def _moment_success(setting: Setting) -> Float[Array, ""]:
    """min over s >= 0 of (M^-s E_expert[L^s])^(1/(1+s)), for any laws and any number of prompts."""
    dtype = setting.law.probabilities.dtype
    powers = xp.geomspace(0.01, 30.0, 48, dtype=dtype)
    powers = xp.concatenate([xp.zeros(1, dtype), powers, xp.ones(1, dtype)])
    moments = rounded_up(log_ratio_moments(setting, powers))
    logs = moments - rounded_down(powers * setting.log_class)
    success = xp.exp(xp.minimum(smallest(rounded_up(logs / (1.0 + powers))), 0.0))
    return xp.minimum(rounded_up(success), 1.0)
