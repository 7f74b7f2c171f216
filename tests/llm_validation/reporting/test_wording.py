"""Decisions in words, on draws whose answer can be read off."""

import math
import re

import numpy as np
import pytest

from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import Decision, Margin, decide
from verigap.llm_validation.deciding.settling import Settling
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.wording import (
    ARMS,
    Scale,
    arm_name,
    check_sentence,
    currency_sentence,
    decision_sentence,
    flips_sentence,
    settling_sentence,
)
from verigap.storage.units import LengthUnit

MARGIN = Margin(value=0.01, source="one point")
ACCURACY = Scale(currency="accuracy", unit=LengthUnit.TOKENS)
RETURN = Scale(currency="return", unit=LengthUnit.WORDS)


def joint(most: float = 1.0, **values: float) -> JointMeans:
    """Arms that earn the same on each of 100 prompts."""
    return JointMeans.of(
        {arm: np.full(100, value) for arm, value in values.items()}, most=most, seed=0
    )


def bare(text: str) -> str:
    """The sentence without its intervals."""
    return re.sub(r" \[[^]]*\]", "", text)


def sentence(found: JointMeans, others: tuple[str, ...], scale: Scale = ACCURACY, mixed: int = 50):
    plain = tuple(arm for arm in found.means if arm not in others)
    margin = Margin(value=0.01 * found.most, source="one point")
    decision = decide(found, plain, others, margin, mixed)
    return decision_sentence(
        decision, found, scale, floor=plain[0], num_candidates=8, data_budget=1024
    )


@pytest.mark.smoke
def test_each_reason_has_a_sentence() -> None:
    learned = sentence(joint(single=0.2, vote=0.5, best_learned=0.8), ("best_learned",))
    assert "80 [77.1, 80.7] %, 30 points" in learned
    assert bare(learned) == (
        "Take the best of 8 by a score learned from 1,024 labels: 80 %, 30 points more than "
        "majority vote of 8 (probability above 0.999 that it is more than 1 point)."
    )
    assert bare(sentence(joint(single=0.2, vote=0.5, best_learned=0.5), ("best_learned",))) == (
        "Vote over 8 answers: 50 %, 30 points more than one sample; no other arm adds more than "
        "1 point (probability above 0.999)."
    )
    assert bare(sentence(joint(base=0.2, reinforce=0.2), ("reinforce",))) == (
        "Do not train on these traces: 20 %; no other arm adds more than 1 point (probability "
        "above 0.999)."
    )
    for mixed, says in ((0, "no prompt has"), (1, "only one prompt has"), (9, "only 9 prompts")):
        text = sentence(joint(single=0.2, vote=0.5), (), mixed=mixed)
        assert text.startswith(f"Undecided: {says}")
        assert text.endswith("too few to show a gain, which takes 10, or to exclude one.")
    assert sentence(joint(single=0.2), ()) == "Undecided: there is only one arm."


def test_where_nothing_can_be_better_the_reason_is_said() -> None:
    for value, says in (
        (1.0, "Every sample is right, so no arm can add anything on these 100 prompts."),
        (0.0, "No sample is right, so there is nothing to choose on these 100 prompts."),
        (0.5, "The samples of each prompt are all right or all wrong, so there is nothing to"),
    ):
        found = joint(single=value, exact=value)
        given = (found, ("single",), (), MARGIN, 0)
        decided = decide(*given, highest="exact")
        text = decision_sentence(
            decided, found, ACCURACY, floor="single", num_candidates=8, data_budget=16
        )
        assert text.startswith(f"Take one sample: {100 * value:g}")
        assert says in text
    found = joint(base=0.5, expert=0.5)
    decided = decide(found, ("base",), (), MARGIN, 0, highest="expert")
    text = decision_sentence(
        decided, found, ACCURACY, floor="base", num_candidates=8, data_budget=16
    )
    assert text.endswith("so there is nothing to learn on these 100 prompts.")
    earns = joint(64.0, single=10.0, exact=10.0)
    decided = decide(earns, ("single",), (), MARGIN, 0, highest="exact")
    text = decision_sentence(
        decided, earns, RETURN, floor="single", num_candidates=8, data_budget=16
    )
    assert "All samples of a prompt earn the same" in text


def test_returns_are_counted_in_their_unit() -> None:
    text = bare(sentence(joint(64.0, base=10.0, clone=20.0), ("clone",), RETURN))
    assert text.startswith("Clone 1,024 expert traces: 20 words of correct trace, 10 words of")
    assert "more than 0.64 words of correct trace" in text


def test_what_is_open_says_so() -> None:
    rng = np.random.default_rng(0)
    vote, noise = rng.random(40), rng.normal(0, 0.1, 40)
    found = JointMeans.of(
        {"single": 0.5 * vote, "vote": vote, "exact": vote + 0.01 + noise - noise.mean()},
        most=1.0, seed=0,
    )  # fmt: skip
    text = sentence(found, ("exact",))
    # What to do meanwhile, what it gains, and what is open.
    assert text.startswith("Vote over 8 answers for now: ")
    assert " points more than one sample. Undecided whether best of 8 by an exact check " in text
    assert "adds more than 1 point: 1 [" in text
    # Two arms that learn nothing, each ahead in half of the draws.
    noise -= noise.mean()
    even = JointMeans.of({"single": 0.5 + noise, "shortest": 0.5 - noise}, most=1.0, seed=0)
    text = sentence(even, ())
    assert text.startswith("Take one sample for now: 50")
    assert "Undecided whether the shortest of 8 adds more than 1 point: 0 [-6" in text


def test_what_only_unseen_prompts_keep_open_names_no_contender() -> None:
    values = {"single": np.full(30, 0.3), "shortest": np.full(30, 0.29), "exact": np.full(30, 0.9)}
    found = JointMeans.of(values, most=1.0, seed=0)
    decided = decide(found, ("single", "shortest"), (), MARGIN, 30, ceiling="exact")
    text = decision_sentence(
        decided, found, ACCURACY, floor="single", num_candidates=8, data_budget=16
    )
    # 1 - 0.1^(1/30)
    assert bare(text) == (
        "Take one sample for now: 30 %. Undecided: no other arm adds more than 1 point on prompts "
        "like these, but on prompts unlike these, which may be 7.39 % of all prompts, one may add "
        "so much that it does on all."
    )


def decision(reason: str, arm: str = "vote") -> Decision:
    nothing = Statistic(math.nan, math.nan, math.nan)
    return Decision(
        arm=arm, reason=reason, probability=0.95, margin=MARGIN,  # pyright: ignore[reportArgumentType]
        best_plain="vote", best_other="", contender="", highest=None, ceiling=None,
        mixed=50, gain=nothing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "at", "says"),
    [
        ("gains", 0.034, "It flips if gains of up to 3.4 points do not count."),
        ("suffices", 0.005, "It flips only if gains below 0.5 points count."),
        ("suffices", 0.0, "It holds however small a gain counts."),
        ("open", math.nan, ""),
        ("too_few", math.nan, ""),
    ],
)
def test_on_what_it_flips(reason: str, at: float, says: str) -> None:
    assert flips_sentence(decision(reason), at, ACCURACY, 60) == says


def test_what_would_settle_it() -> None:
    assert settling_sentence(None, 40, 8) == ""
    assert "No number of prompts" in settling_sentence(Settling("", None), 40, 8)
    text = settling_sentence(Settling("best_learned", 1400), 400, 8)
    assert text.startswith("About 1,400 prompts in all (1,000 more) would settle it for best of 8")
    # Today's prompts may be enough for a rule that looks at probabilities alone.
    assert "(0 more)" in settling_sentence(Settling("", 40), 50, 8)


def test_what_a_check_is_worth() -> None:
    gain = Statistic(0.12, 0.1, 0.14)
    text = check_sentence(gain, "vote", 8, ACCURACY, (0.25, 0.5))
    assert (
        "adds 12 [10, 14] points beyond majority vote of 8, the simplest of the best arms" in text
    )
    assert "accepts 25 % of the wrong samples, or rejects 50 % of the right ones" in text
    free = check_sentence(gain, "single", 8, ACCURACY, (1.0, 1.0))
    assert "Even a check that accepts everything" in free
    zero = Statistic(0.0, math.nan, math.nan)
    nothing = check_sentence(zero, "single", 8, ACCURACY, (0.0, 0.0))
    assert nothing.endswith("best arms without one.")
    assert "nothing to choose among" in check_sentence(gain, "vote", 1, ACCURACY, (0.5, 0.5))
    returns = check_sentence(Statistic(12.0, 10.0, 14.0), "vote_shortest", 8, RETURN, None)
    assert returns == (
        "An exact check of 8 samples adds 12 [10, 14] words of correct trace beyond majority vote "
        "of 8, shortest winner, the simplest of the best arms without one."
    )


def test_why_the_currencies_differ() -> None:
    same = decision("suffices")
    other = decision("suffices", "vote_shortest")
    assert currency_sentence(same, same, LengthUnit.TOKENS, 8, 0.5, "") == ""
    text = currency_sentence(same, other, LengthUnit.WORDS, 8, 0.75, "a earns beyond b")
    assert "in returns (words of correct trace) “majority vote of 8, shortest winner”" in text
    assert text.endswith("Shortness explains 75 % of what a earns beyond b in returns.")
    unknown = currency_sentence(same, decision("open", "undecided"), LengthUnit.WORDS, 8,
                                math.nan, "")  # fmt: skip
    assert "“undecided”" in unknown
    assert "Shortness" not in unknown


@pytest.mark.parametrize(
    ("share", "says"),
    [
        (1.3, "Shortness gains more than all of what a earns beyond b in returns: its right "
              "answers come earlier, but fewer are right, and without shortness it would lose."),
        (-0.2, "Shortness explains nothing of what a earns beyond b in returns: more of its "
               "answers are right, although they come later."),
        (1.0004, "Shortness explains 100 % of what a earns beyond b in returns."),
        (-0.0001, "Shortness explains 0 % of what a earns beyond b in returns."),
    ],
)  # fmt: skip
def test_a_share_beyond_all_or_nothing_is_said_in_words(share: float, says: str) -> None:
    text = currency_sentence(decision("suffices"), decision("suffices", "vote_shortest"),
                             LengthUnit.WORDS, 8, share, "a earns beyond b")  # fmt: skip
    assert text.endswith(says)


def test_every_arm_has_a_name_with_its_number() -> None:
    for arm in ARMS:
        assert "N" not in arm_name(arm, 16).replace("Note", "")
    assert arm_name("shortest", 1024) == "the shortest of 1,024"
    assert arm_name("undecided", 8) == "undecided"
