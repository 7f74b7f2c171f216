"""The one rule behind both decisions: an arm that needs more must be shown to earn more.

Stated in docs/diagnosing.md. The table of its measured error rates is made by
`python -m benchmarks.verdict_errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.intervals import Statistic

CONFIDENCE = 0.9
UNDECIDED = "undecided"
FEWEST_MIXED = 10
LEAST_WORTH = 0.01
_HEADROOM_PARTS = 10

Reason = Literal["gains", "suffices", "no_room", "open", "too_few", "nothing_to_compare"]


@dataclass(frozen=True, kw_only=True)
class Margin:
    """The least gain that counts, in the unit of the currency.

    Attributes:
      value: of it.
      source: "given", "one point" (a hundredth of the largest value), or "a tenth of the headroom"
        (of what an exact check adds to a single sample).
    """

    value: float
    source: Literal["given", "one point", "a tenth of the headroom"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which arm to take.

    Attributes:
      arm: the arm, or "undecided".
      reason: "gains" (the arm needs a verifier or training, and earns more than the margin beyond
        every arm that does not), "suffices" (no arm earns more than the margin beyond it),
        "no_room" (no prompt is mixed, and on these no arm can earn more), "open" (none of these is
        probable enough), "too_few" (none is, and fewer than 10 prompts are mixed),
        "nothing_to_compare" (one arm alone).
      probability: of the statement that decided; for "open" the larger of the two; for "no_room"
        that prompts which leave a choice are too rare for a gain above the margin, by the exact
        binomial law. NaN for the last two reasons.
      margin: the least gain that counts.
      best_plain: the best of the arms that need neither verifier nor training.
      best_other: the best of the others; "" without any.
      contender: for "open", the arm that most probably gains more than the margin beyond
        `best_plain`, with a verifier or without; "" where none does on prompts like these, and only
        prompts like none of them keep it open; else "".
      highest: the arm that no other exceeds on any prompt; None where there is none.
      ceiling: the arm that nothing exceeds, by which losses on prompts like none that were seen are
        allowed for; None for no such allowance.
      mixed: prompts on which samples differ in reward.
      gain: what `best_other` earns beyond `best_plain`; NaN without others.
    """

    arm: str
    reason: Reason
    probability: float
    margin: Margin
    best_plain: str
    best_other: str
    contender: str
    highest: str | None
    ceiling: str | None
    mixed: int
    gain: Statistic


def margin_of(joint: JointMeans, worth: float | None, *, ceiling: str, floor: str) -> Margin:
    """The margin: as given, else one point or a tenth of the headroom, whichever is larger.

    Args:
      joint: of all arms.
      worth: the least gain that counts, in the unit of the currency; None for the default.
      ceiling: the arm that nothing exceeds.
      floor: the arm that needs least.
    """
    if worth is not None:
        return Margin(value=worth, source="given")
    point = LEAST_WORTH * joint.most
    tenth = (joint.means[ceiling] - joint.means[floor]) / _HEADROOM_PARTS
    if tenth > point:
        return Margin(value=tenth, source="a tenth of the headroom")
    return Margin(value=point, source="one point")


def decide(
    joint: JointMeans,
    plain: Sequence[str],
    others: Sequence[str],
    margin: Margin,
    mixed: int,
    ceiling: str | None = None,
    highest: str | None = None,
) -> Decision:
    """Apply the rule to joint draws.

    In this order: (1) the best of the other arms, if it earns more than the margin beyond the best
    plain arm with probability 0.9; (2) the first plain arm beyond which no arm earns more than the
    margin, with probability 0.9; (3) undecided. So an arm that learns nothing wins ties.

    Few prompts may hold none of those on which an arm loses. In both, the arm that is taken
    therefore loses `unlike_loss` on the share of prompts that may be like none of those that were
    seen: 1/P on average.

    With fewer than 10 mixed prompts (1) is not asked: where an arm is right on all of them, draws
    from them alone are too sure. But where no prompt is mixed there is nothing to choose, and the
    arm that needs least will do.

    Args:
      joint: of all arms.
      plain: arms that need neither a verifier nor training, from the one that needs least.
      others: arms that need one, from the one that needs least; may be empty.
      margin: the least gain that counts.
      mixed: prompts on which samples differ in reward.
      ceiling: the arm that nothing exceeds, by which losses on prompts like none that were seen are
        allowed for; None for no such allowance.
      highest: the arm that no other exceeds on any prompt, so that without mixed prompts all are
        alike; None where the samples cannot show that, as with one sample a prompt.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.deciding.joint import JointMeans
      >>> from verigap.llm_validation.deciding.rule import Margin, decide
      >>> rng = np.random.default_rng(0)
      >>> vote = rng.random(200)
      >>> values = {"single": 0.5 * vote, "vote": vote, "check": np.minimum(vote + 0.2, 1)}
      >>> joint = JointMeans.of(values, most=1.0, seed=0)
      >>> margin = Margin(value=0.01, source="one point")
      >>> decide(joint, ("single", "vote"), ("check",), margin, mixed=200).arm
      'check'
      >>> decide(joint, ("single", "vote"), (), margin, mixed=200).arm
      'vote'
    """
    best_plain = best_arm(joint, plain, margin)
    best_other = best_arm(joint, others, margin) if others else ""
    if len(plain) + len(others) < 2 and mixed:
        arm, reason, probability = UNDECIDED, "nothing_to_compare", float("nan")
    elif mixed == 0:
        arm, reason, probability = UNDECIDED, "too_few", float("nan")
        if highest is not None:
            arm, reason, probability = plain[0], "no_room", _too_rare(joint, margin)
    elif mixed < FEWEST_MIXED and ceiling is None:
        arm, reason, probability = UNDECIDED, "too_few", float("nan")
    else:
        arm, reason, probability = _weighed(
            joint, plain, others, best_other, margin, mixed, ceiling
        )
    contender = _contender(joint, (*plain, *others), best_plain, margin) if reason == "open" else ""
    nothing = Statistic(*[float("nan")] * 3)
    return Decision(
        arm=arm,
        reason=reason,
        probability=probability,
        margin=margin,
        best_plain=best_plain,
        best_other=best_other,
        contender=contender,
        highest=highest,
        ceiling=ceiling,
        mixed=mixed,
        gain=joint.difference(best_other, best_plain) if best_other else nothing,
    )


def _weighed(
    joint: JointMeans,
    plain: Sequence[str],
    others: Sequence[str],
    best_other: str,
    margin: Margin,
    mixed: int,
    ceiling: str | None,
) -> tuple[str, Reason, float]:
    """Arm, reason and probability by the two statements of the rule, in their order."""
    enough_mixed = mixed >= FEWEST_MIXED
    gains = 0.0
    if best_other and enough_mixed:
        gains = _chance(joint, best_other, plain, margin, ceiling)
    if gains >= CONFIDENCE:
        return best_other, "gains", gains
    lost = {arm: shortfall(joint, arm, (*plain, *others), ceiling)[0] for arm in plain}
    enough = {arm: float((draws <= margin.value).mean()) for arm, draws in lost.items()}
    for arm, probability in enough.items():
        if probability >= CONFIDENCE:
            return arm, "suffices", probability
    if not enough_mixed:
        return UNDECIDED, "too_few", float("nan")
    return UNDECIDED, "open", max(gains, *enough.values())


def _too_rare(joint: JointMeans, margin: Margin) -> float:
    """The confidence that a property which none of the P prompts has cannot earn the margin.

    An arm gains at most the largest value where prompts have it, so it must be that common.
    """
    share = min(margin.value / joint.most, 1.0)
    return 1.0 - (1.0 - share) ** joint.prompts


def unlike_share(prompts: int) -> float:
    """The most prompts that can be like none of P, at the confidence used, as a share of all.

    Args:
      prompts: P, independent.

    Example:
      >>> from verigap.llm_validation.deciding.rule import unlike_share
      >>> round(unlike_share(1), 3), round(unlike_share(100), 3)
      (0.9, 0.023)
    """
    return 1.0 - (1.0 - CONFIDENCE) ** (1.0 / prompts)


def _contender(joint: JointMeans, every: Sequence[str], best_plain: str, margin: Margin) -> str:
    """The arm that keeps a decision open; "" where the allowance for unseen prompts does."""
    found = max(
        (name for name in every if name != best_plain),
        key=lambda name: (_chance(joint, name, [best_plain], margin, None), joint.means[name]),
    )
    draws, _ = shortfall(joint, best_plain, every, None)
    suffices_here = (draws <= margin.value).mean() >= CONFIDENCE
    # Its interval beside a sentence that names it must hold the margin. NaN: no prompts differ.
    reaches = joint.difference(found, best_plain).high > margin.value
    return "" if suffices_here and not reaches else found


def _chance(
    joint: JointMeans, arm: str, plain: Sequence[str], margin: Margin, ceiling: str | None
) -> float:
    """Share of the draws in which an arm earns more than the margin beyond every plain one."""
    return float((lead(joint, arm, plain, ceiling)[0] > margin.value).mean())


def lead(
    joint: JointMeans, arm: str, plain: Sequence[str], ceiling: str | None
) -> tuple[Float[np.ndarray, " B"], float]:
    """What an arm earns beyond the best plain one: in each draw, and at the means.

    The draws allow for what it loses on prompts like none that were seen; None for no allowance.
    """
    drawn = joint.draws[arm] - np.max([joint.draws[name] for name in plain], axis=0)
    at_means = joint.means[arm] - max(joint.means[name] for name in plain)
    return drawn - joint.unseen * unlike_loss(joint, arm, ceiling), at_means


def shortfall(
    joint: JointMeans, arm: str, every: Sequence[str], ceiling: str | None
) -> tuple[Float[np.ndarray, " B"], float]:
    """What the best arm earns beyond one: in each draw, and at the means.

    The draws allow for what it loses on prompts like none that were seen; None for no allowance.
    """
    highest = np.max([joint.draws[name] for name in every], axis=0)
    at_means = max(joint.means[name] for name in every) - joint.means[arm]
    return highest - joint.draws[arm] + joint.unseen * unlike_loss(joint, arm, ceiling), at_means


def unlike_loss(joint: JointMeans, arm: str, ceiling: str | None) -> float:
    """What an arm may lose on a prompt like none that were seen.

    What it loses to the ceiling on these prompts, on average, and the less they show of that, the
    more of the largest value, which is all that it can lose: where the losses add up to k times the
    largest value, the latter counts as 1/(k + 1).

    Args:
      joint: of all arms.
      arm: one of them.
      ceiling: the arm that nothing exceeds, which loses nothing; None for no allowance.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.deciding.joint import JointMeans
      >>> from verigap.llm_validation.deciding.rule import unlike_loss
      >>> exact = np.array([1.0, 1.0, 1.0, 0.0])
      >>> values = {"single": exact / 3, "vote": exact, "exact": exact}
      >>> joint = JointMeans.of(values, most=1.0, seed=0)
      >>> [round(unlike_loss(joint, arm, "exact"), 3) for arm in values]
      [0.667, 1.0, 0.0]
    """
    if ceiling is None or arm == ceiling:
        return 0.0
    lost = max(joint.means[ceiling] - joint.means[arm], 0.0)
    shown = lost * joint.prompts / joint.most
    return (shown * lost + joint.most) / (shown + 1)


def best_arm(joint: JointMeans, names: Sequence[str], margin: Margin) -> str:
    """The first arm whose mean is within half the margin of the largest."""
    largest = max(joint.means[arm] for arm in names)
    return next(arm for arm in names if joint.means[arm] >= largest - margin.value / 2)
