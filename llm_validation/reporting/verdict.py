"""The verdict: clone, vote or verify, from joint draws of what each of them earns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

Verifier = Literal["exact", "learned"]
VERIFIERS: tuple[Verifier, ...] = ("exact", "learned")
Recommendation = Literal["verify", "vote", "clone"]
ARMS = ("base", "clone", "vote", "verify")

CONFIDENCE = 0.9
FEWEST_MIXED = 10
# The margin is the headroom divided by this: a division rounds correctly, a product with 0.1 not.
_MARGIN_PARTS = 10
# Arms that choose among equal returns differ by rounding: relative to the largest value, no gain.
_ROUNDING = 1e-12

# In the order in which they are tried.
_RECOMMENDATIONS: Mapping[Recommendation, str] = {
    "verify": "verify_gains",
    "vote": "vote_suffices",
    "clone": "clone_suffices",
}


class Event(NamedTuple):
    """A statement about the arms, true in a draw where its excess is above (or at) 0.

    Excesses that rounding explains count as 0.

    Attributes:
      probability: share of the draws in which it is true.
      excess: at the arms' mean values (tokens), which more prompts lead to. The mean of the excess
        over the draws is another number where two arms are close: the best of several noisy arms
        looks better than the best arm.
      low: 10 % quantile of the excess; the statement has probability 0.9 about where it is 0.
    """

    probability: float
    excess: float
    low: float


@dataclass(frozen=True)
class Verdict:
    """What to do at one budget, amount of data and number of candidates.

    Attributes:
      verdict: the recommended arm, or "undecided".
      probability: of the statement that decided it; for "no_headroom" of the statement that failed,
        for "open" and "too_few" of the best supported of the three recommendations. NaN for
        "not_measured".
      reason: "verify_gains", "vote_suffices" or "clone_suffices"; for an undecided verdict
        "too_few" (prompts of mixed outcome), "no_headroom", "open" (no recommendation is probable
        enough) or "not_measured" (an arm has no value).
      margin: mean over the draws of m (tokens), the least gain that counts; NaN if not measured.
      events: "headroom", "verify", "vote", "clone"; empty if not measured.
    """

    verdict: Recommendation | Literal["undecided"]
    probability: float
    reason: str
    margin: float
    events: Mapping[str, Event]


def decide(
    arms: Mapping[str, Float[np.ndarray, " B"]], exact: Float[np.ndarray, " B"], mixed: int
) -> Verdict:
    """Apply the rule of docs/diagnosing.md to joint draws.

    The margin m is a tenth of the headroom, J_exact - J_base, in each draw and not at the point
    estimate. Then "verification gains more than a tenth of the headroom" is one statement about the
    population, both sides of which are estimated from the same prompts; a margin held fixed would
    leave out the uncertainty of the headroom, which is large exactly where successes are rare.

    Args:
      arms: values of "base", "clone", "vote" and "verify" (tokens), draw by draw over the same
        resampled prompts. Draws that are not finite make the arm unmeasured.
      exact: the same for best-of-N by an exact check.
      mixed: prompts with both correct and incorrect samples.

    Raises:
      ValueError: an arm is missing, or the draws are not joint: their shapes differ or are empty.
    """
    missing = [name for name in ARMS if name not in arms]
    if missing:
        raise ValueError(f"verdict: no draws of {', '.join(missing)}")
    draws = {name: np.asarray(arms[name], float) for name in ARMS} | {"exact": np.asarray(exact)}
    shapes = {values.shape for values in draws.values()}
    if len(shapes) > 1 or draws["base"].ndim != 1 or draws["base"].size == 0:
        raise ValueError(f"verdict: draws must be joint vectors of one length, not {shapes}")
    measured = all(np.isfinite(values).all() for values in draws.values())
    events, margin = _events(draws) if measured else ({}, float("nan"))
    best = max((events[arm].probability for arm in ARMS[1:] if events), default=float("nan"))
    if mixed < FEWEST_MIXED:
        return Verdict("undecided", best, "too_few", margin, events)
    if not measured:
        return Verdict("undecided", best, "not_measured", margin, events)
    if events["headroom"].probability < CONFIDENCE:
        headroom = events["headroom"].probability
        return Verdict("undecided", headroom, "no_headroom", margin, events)
    for arm, reason in _RECOMMENDATIONS.items():
        if events[arm].probability >= CONFIDENCE:
            return Verdict(arm, events[arm].probability, reason, margin, events)
    return Verdict("undecided", best, "open", margin, events)


def _events(draws: Mapping[str, np.ndarray]) -> tuple[dict[str, Event], float]:
    margin, excess = _excesses(draws)
    _, at_means = _excesses({name: values.mean(keepdims=True) for name, values in draws.items()})
    dust = _ROUNDING * max(np.abs(values).max() for values in draws.values())
    true = {
        name: values >= -dust if name in ("vote", "clone") else values > dust
        for name, values in excess.items()
    }
    return {
        name: Event(
            float(true[name].mean()),
            float(at_means[name][0]),
            float(np.quantile(values, 1.0 - CONFIDENCE)),
        )
        for name, values in excess.items()
    }, float(margin.mean())


def _excesses(draws: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The margin, and by how much each statement holds."""
    # Best-of-N by an exact check earns no less than the base; sampling noise may say otherwise.
    margin = np.maximum(draws["exact"] - draws["base"], 0.0) / _MARGIN_PARTS

    def above(arm: str, others: tuple[str, ...]) -> np.ndarray:
        return draws[arm] - np.max([draws[name] for name in others], axis=0)

    return margin, {
        "headroom": np.max([draws[name] for name in ARMS], axis=0) - draws["base"] - margin,
        "verify": above("verify", ("clone", "vote")) - margin,
        "vote": above("vote", ("base", "clone", "verify")) + margin,
        "clone": above("clone", ("base", "vote", "verify")) + margin,
    }
