"""Labels that are wrong by chance in the relabelling game: how often the truth fits them best.

All-or-nothing returns of one prompt, and each label flipped with probability f, anew each time. The
learner trusts a codeword that disagrees with the fewest labels, at random among equals, which is
the likeliest one while f < 1/2. Exact, as a sum over how many labels say success. Source:
docs/theory.md#labels-that-are-wrong-by-chance (beyond arXiv 2502.12118).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

from verigap.theory.arrays import host_array
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.lattices import with_tail
from verigap.theory.risks.vf_mle import probability_correct

# Counts of successes among the labels that are rarer than this, all together, are left out.
_NEVER = 1e-16


def noisy_label_share(
    success: float, label_noise: float, data_budget: int, log2_class_size: float
) -> float:
    """P(the codeword that disagrees with the fewest of n noisy labels is the true one).

    Its risk is that of `plug_in_risk` with this for E[1/(S + 1)], which it is at f = 0. It never
    rises with f, and is 2^-d at f = 1/2.

    Args:
      success: p of the base, in (0, 1).
      label_noise: f in [0, 1/2], chance that a label is flipped.
      data_budget: n, labelled base traces.
      log2_class_size: d > 0, bits; any real number, as only 2^d enters.

    Raises:
      ValueError: a number is out of range.

    Example:
      >>> from verigap.theory.risks import noisy_label_share
      >>> [round(noisy_label_share(0.25, f, 32, 10.0), 3) for f in (0.0, 0.1, 0.5)]
      [1.0, 0.855, 0.001]
    """
    _check(success, label_noise)
    if data_budget < 0 or not log2_class_size > 0:
        raise ValueError(
            f"data_budget, log2_class_size: need n >= 0 and d > 0, not {data_budget} and "
            f"{log2_class_size:g}"
        )
    n, said = data_budget, _says_success(success, label_noise)
    chances = _binomial(np.array([n]), said, n)[0]
    # How many labels say success.
    counts = np.flatnonzero(chances > _NEVER / (n + 1))
    # A codeword agrees with a label that says success, and with one that says failure.
    base, true = (
        _agreements(counts, law, n)
        for law in ((success, 1.0 - success), _posterior(success, label_noise, said))
    )
    agreed, size = host_array(np.arange(n + 1.0)), host_array(log2_class_size)
    shares = [
        float(probability_correct(with_tail(agreed, host_array(own), host_array(other)), size))
        for own, other in zip(true, base, strict=True)
    ]
    return float(chances[counts] @ np.array(shares))


def noisy_label_information(success: float, label_noise: float) -> float:
    """Nats that a label, flipped with probability f, says about a base trace's return.

    The mutual information of the return and its label, h(p(1 - f) + (1 - p)f) - h(f), h the entropy
    of a coin: n = d ln 2 over it labels are needed, as d grows.

    Args:
      success: p of the base, in (0, 1).
      label_noise: f in [0, 1/2].

    Example:
      >>> from verigap.theory.risks.noisy_labels import noisy_label_information
      >>> [round(noisy_label_information(0.5, f), 3) for f in (0.0, 0.1, 0.5)]
      [0.693, 0.368, 0.0]
    """
    _check(success, label_noise)
    return _coin(_says_success(success, label_noise)) - _coin(label_noise)


def _check(success: float, label_noise: float) -> None:
    if not 0.0 < success < 1.0:
        raise ValueError(f"success: must be in (0, 1), not {success:g}")
    if not 0.0 <= label_noise <= 0.5:
        raise ValueError(f"label_noise: must be in [0, 1/2], not {label_noise:g}")


def _says_success(success: float, label_noise: float) -> float:
    """Chance that a label says success."""
    return success * (1.0 - label_noise) + (1.0 - success) * label_noise


def _posterior(success: float, label_noise: float, said: float) -> tuple[float, float]:
    """Chances that a label which says success, and one which says failure, is right."""
    kept = 1.0 - label_noise
    return min(success * kept / said, 1.0), min((1.0 - success) * kept / (1.0 - said), 1.0)


def _coin(chance: float) -> float:
    """Entropy of a coin in nats."""
    return -sum(p * math.log(p) for p in (chance, 1.0 - chance) if p > 0)


def _agreements(
    counts: Int[np.ndarray, " k"], chances: tuple[float, float], n: int
) -> Float[np.ndarray, "k agreements"]:
    """ln of the law of agreements with n labels, of which so many say success.

    Args:
      counts: labels that say success.
      chances: of agreeing with one of them, and with one of the others.
      n: labels.
    """
    laws = (
        _binomial(trials, p, n) for trials, p in zip((counts, n - counts), chances, strict=True)
    )
    both = [np.convolve(*pair)[: n + 1] for pair in zip(*laws, strict=True)]
    with np.errstate(divide="ignore"):
        return np.log(both)


def _binomial(
    trials: Int[np.ndarray, " k"], chance: float, most: int
) -> Float[np.ndarray, "k counts"]:
    """Binomial probabilities of 0 to `most`, one row for each number of trials."""
    count = host_array(np.tile(np.arange(most + 1.0), (len(trials), 1)))
    log = binomial_log_pmf(count, host_array(trials[:, None].astype(float)), host_array(chance))
    return np.exp(log)
