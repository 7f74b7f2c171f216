"""The decisions in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.outcomes import Currency
from verigap.llm_validation.deciding.rule import (
    CONFIDENCE,
    FEWEST_MIXED,
    Decision,
    unlike_share,
)
from verigap.llm_validation.deciding.settling import Settling
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.numbers import chance, number, percent, percent_span, spanned
from verigap.storage.units import LengthUnit

ARMS: Mapping[str, str] = {
    "single": "one sample",
    "shortest": "the shortest of N",
    "vote": "majority vote of N",
    "vote_shortest": "majority vote of N, shortest winner",
    "vote_score": "vote of N weighted by the table's score",
    "best_score": "best of N by the table's score",
    "vote_learned": "vote of N weighted by a learned score",
    "best_learned": "best of N by a learned score",
    "exact": "best of N by an exact check",
    "base": "the base model",
    "clone": "cloning expert traces",
    "rejection": "cloning the model's own correct traces (rejection sampling)",
    "reinforce": "reinforcement by a learned reward",
}
# Of a share that is 0 or 1.
_ROUNDING = 0.005
_ACTIONS: Mapping[str, str] = {
    "single": "Take one sample",
    "shortest": "Take the shortest of N samples",
    "vote": "Vote over N answers",
    "vote_shortest": "Vote over N answers and return the shortest winner",
    "vote_score": "Vote over N answers, weighted by the table's score",
    "best_score": "Take the best of N by the table's score",
    "vote_learned": "Vote over N answers, weighted by a score learned from n labels",
    "best_learned": "Take the best of N by a score learned from n labels",
    "exact": "Check N samples and return one that passes",
    "base": "Do not train on these traces",
    "clone": "Clone n expert traces",
    "rejection": "Rejection-sample: clone the correct ones of n traces of the model's own",
    "reinforce": "Reinforce: train against a reward learned from n labelled traces",
}


def arm_name(arm: str, num_candidates: int) -> str:
    """What an arm of selection at N, or a trained policy, is called: "best of 8 by a check".

    Args:
      arm: its name in report.json.
      num_candidates: N.
    """
    return _counted(ARMS.get(arm, arm), num_candidates)


def _counted(text: str, num_candidates: int) -> str:
    return re.sub(r"\bN\b", f"{num_candidates:,}", text)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How values of a currency are written.

    Attributes:
      currency: of the values.
      unit: what returns count.
    """

    currency: Currency
    unit: LengthUnit

    def value(self, value: Statistic) -> str:
        """A mean: "33.9 % [30, 37]" of prompts, or tokens of correct trace."""
        if self.currency == "accuracy":
            return percent_span(value)
        return f"{spanned(value)} {self.unit.of_correct_trace}"

    def gain(self, value: Statistic) -> str:
        """A difference: "2.8 [1.5, 4.2] points", or tokens of correct trace."""
        if self.currency == "accuracy":
            return points(value)
        return f"{spanned(value)} {self.unit.of_correct_trace}"

    def least(self, value: float) -> str:
        """A margin."""
        return self.gain(Statistic(value, float("nan"), float("nan")))


def points(value: Statistic) -> str:
    """A difference of accuracies: "2.8 [1.5, 4.2] points"."""
    text = spanned(Statistic(*(100 * each for each in value)))
    return f"{text} point" if text == "1" else f"{text} points"


def decision_sentence(
    decision: Decision,
    joint: JointMeans,
    scale: Scale,
    *,
    floor: str,
    num_candidates: int,
    data_budget: int,
) -> str:
    """A decision in one sentence, with its interval.

    Args:
      decision: what was decided.
      joint: what it was decided from.
      scale: how values are written.
      floor: the arm that needs least: "single" or "base".
      num_candidates: N.
      data_budget: n.
    """

    def named(arm: str) -> str:
        return arm_name(arm, num_candidates)

    margin = scale.least(decision.margin.value)
    sure = f"probability {chance(decision.probability)}"

    def action(arm: str, how_long: str = "") -> str:
        text = _counted(re.sub(r"\bn\b", f"{data_budget:,}", _ACTIONS[arm]), num_candidates)
        return f"{text}{how_long}: {scale.value(joint.value(arm))}"

    def beyond_floor(arm: str) -> str:
        if arm == floor:
            return ""
        return f", {scale.gain(joint.difference(arm, floor))} more than {named(floor)}"

    if decision.reason == "open":
        plain = decision.best_plain
        open_ = _what_is_open(decision, joint, scale, named(decision.contender))
        return f"{action(plain, ' for now')}{beyond_floor(plain)}. Undecided{open_}."
    if decision.arm == "undecided":
        return f"Undecided: {_no_decision(decision, scale)}."
    if decision.reason == "gains":
        return (
            f"{action(decision.arm)}, {scale.gain(decision.gain)} more than "
            f"{named(decision.best_plain)} ({sure} that it is more than {margin})."
        )
    if decision.reason == "no_room":
        why = _no_room(decision, joint, scale)
        return f"{action(decision.arm)}{beyond_floor(decision.arm)}. {why}."
    return (
        f"{action(decision.arm)}{beyond_floor(decision.arm)}; no other arm adds more than {margin} "
        f"({sure})."
    )


def _what_is_open(decision: Decision, joint: JointMeans, scale: Scale, contender: str) -> str:
    """What keeps a decision open: an arm, by its name, or prompts unlike those that were seen."""
    margin = scale.least(decision.margin.value)
    share = percent(unlike_share(joint.prompts))
    unlike = f"on prompts unlike these, which may be {share} of all prompts,"
    if decision.contender:
        gain = joint.difference(decision.contender, decision.best_plain)
        if not gain.low > decision.margin.value:
            return f" whether {contender} adds more than {margin}: {scale.gain(gain)}"
        return (
            f": {contender} adds {scale.gain(gain)} on prompts like these, but {unlike} it may "
            f"lose so much that it adds less than {margin} on all"
        )
    return (
        f": no other arm adds more than {margin} on prompts like these, but {unlike} one may add "
        "so much that it does on all"
    )


def _no_decision(decision: Decision, scale: Scale) -> str:
    """Why nothing can be decided."""
    if decision.reason == "nothing_to_compare":
        return "there is only one arm"
    mixed = decision.mixed
    few = f"only {mixed} prompts have" if mixed > 1 else "only one prompt has"
    kinds = "both correct and incorrect samples"
    if scale.currency == "return":
        kinds = "samples of different returns"
    return (
        f"{few if mixed else 'no prompt has'} {kinds}, too few to show a gain, which takes "
        f"{FEWEST_MIXED}, or to exclude one"
    )


def _no_room(decision: Decision, joint: JointMeans, scale: Scale) -> str:
    """Why no arm can be better."""
    follows = "nothing to learn" if decision.highest == "expert" else "nothing to choose"
    here = f"on these {joint.prompts:,} prompts" if joint.prompts > 1 else "on this prompt"
    if joint.means[decision.arm] >= joint.most:
        return f"Every sample is right, so no arm can add anything {here}"
    if joint.means[decision.arm] <= 0:
        return f"No sample is right, so there is {follows} {here}"
    if scale.currency == "return":
        return f"All samples of a prompt earn the same, so there is {follows} {here}"
    return f"The samples of each prompt are all right or all wrong, so there is {follows} {here}"


def flips_sentence(decision: Decision, flips_at: float, scale: Scale, prompts: int) -> str:
    """On what a settled decision would flip; "" for an open one.

    Args:
      decision: what was decided.
      flips_at: the margin on which it does.
      scale: how values are written.
      prompts: that it was decided from.
    """
    if decision.reason == "no_room":
        return (
            "It can flip only on prompts that are not like these, which are at most "
            f"{percent(unlike_share(prompts))} of all (probability {CONFIDENCE:g})."
        )
    if decision.reason == "gains":
        return f"It flips if gains of up to {scale.least(flips_at)} do not count."
    if decision.reason == "suffices" and not flips_at > 0:
        return "It holds however small a gain counts."
    if decision.reason == "suffices":
        return f"It flips only if gains below {scale.least(flips_at)} count."
    return ""


def settling_sentence(settling: Settling | None, prompts: int, num_candidates: int) -> str:
    """What would settle an open decision; "" for a settled one.

    Args:
      settling: of the decision.
      prompts: that it was decided from.
      num_candidates: N.
    """
    if settling is None:
        return ""
    if settling.prompts is None:
        return "No number of prompts of this kind can be named that would settle it."
    more = max(settling.prompts - prompts, 0)
    towards = f" for {arm_name(settling.arm, num_candidates)}" if settling.arm else ""
    return (
        f"About {settling.prompts:,} prompts in all ({more:,} more) would settle it{towards}, if "
        "the estimates stay where they are."
    )


def check_sentence(
    gain: Statistic,
    best: str,
    num_candidates: int,
    scale: Scale,
    tolerance: tuple[float, float] | None,
) -> str:
    """What an exact check is worth, and how much it may err.

    Args:
      gain: what it adds.
      best: the arm that it is added to.
      num_candidates: N.
      scale: how the gain is written.
      tolerance: share of wrong samples that it may accept, and of right ones that it may reject;
        None where that is not known.
    """
    if num_candidates == 1:
        return "With one candidate an exact check has nothing to choose among."
    text = (
        f"An exact check of {num_candidates:,} samples adds {scale.gain(gain)} beyond "
        f"{arm_name(best, num_candidates)}, the simplest of the best arms without one."
    )
    if gain.estimate <= 0 or tolerance is None:
        return text
    false_positive, false_negative = tolerance
    if false_positive >= 1 and false_negative >= 1:
        return f"{text} Even a check that accepts everything is no worse than that arm."
    return text + (
        f" It adds nothing once it accepts {_rate(false_positive)} of the wrong samples, or "
        f"rejects {_rate(false_negative)} of the right ones."
    )


def _rate(share: float) -> str:
    return f"{number(100 * share)} %"


def currency_sentence(
    accuracy: Decision,
    returns: Decision,
    unit: LengthUnit,
    num_candidates: int,
    shortness: float,
    about: str,
) -> str:
    """Why the two currencies lead to different decisions; "" where they do not.

    Args:
      accuracy: the decision in accuracy.
      returns: the decision in returns.
      unit: what returns count.
      num_candidates: N.
      shortness: share of a gain in returns that shortness explains; NaN where it is not known.
      about: that gain, "A earns beyond B".
    """
    if accuracy.arm == returns.arm:
        return ""
    first, second = (arm_name(each.arm, num_candidates) for each in (accuracy, returns))
    text = (
        f"In accuracy the answer is “{first}”, in returns ({unit.of_correct_trace}) “{second}”: "
        "returns also count how early a right answer comes."
    )
    if shortness == shortness:
        text += f" {_explained(shortness, about)}"
    return text


def _explained(shortness: float, about: str) -> str:
    """Which share of a gain in returns is shortness; the rest is accuracy, and may be negative."""
    if shortness > 1 + _ROUNDING:
        return (
            f"Shortness gains more than all of what {about} in returns: its right answers come "
            "earlier, but fewer are right, and without shortness it would lose."
        )
    if shortness < -_ROUNDING:
        return (
            f"Shortness explains nothing of what {about} in returns: more of its answers are "
            "right, although they come later."
        )
    return (
        f"Shortness explains {percent(min(max(shortness, 0.0), 1.0))} of what {about} in returns."
    )
