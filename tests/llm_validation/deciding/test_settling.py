"""Where a decision flips, and how many prompts would settle it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import Margin, decide, unlike_loss
from verigap.llm_validation.deciding.settling import flips_at, what_would_settle

PLAIN, OTHERS = ("single", "vote"), ("best_learned",)


def joint(gain: float, prompts: int = 200, noise: float = 0.2) -> JointMeans:
    """Arms of which the learned one earns `gain` beyond the vote, give or take the noise."""
    rng = np.random.default_rng(0)
    vote = rng.uniform(0.3, 0.6, prompts)
    moved = rng.normal(0, noise, prompts)
    learned = vote + gain + moved - moved.mean()
    values = {"single": vote - 0.2, "vote": vote, "best_learned": learned, "exact": vote + 0.4}
    return JointMeans.of(values, most=1.0, seed=0)


def margin(value: float) -> Margin:
    return Margin(value=value, source="given")


@pytest.mark.parametrize(
    ("gain", "worth", "arm"), [(0.1, 0.01, "best_learned"), (0.0, 0.06, "vote")]
)
def test_a_decision_flips_where_it_says(gain: float, worth: float, arm: str) -> None:
    drawn = joint(gain)
    found = decide(drawn, PLAIN, OTHERS, margin(worth), 200, ceiling="exact")
    assert found.arm == arm
    at = flips_at(found, drawn, PLAIN, OTHERS)
    # Towards what flips it: a larger margin for a gain, a smaller one for what suffices.
    towards = 1.01 if arm == "best_learned" else 0.99
    for factor, same in ((1 / towards, True), (towards, False)):
        again = decide(drawn, PLAIN, OTHERS, margin(factor * at), 200, ceiling="exact")
        assert (again.arm == arm) is same


def test_more_prompts_settle_what_is_open() -> None:
    drawn = joint(0.06, prompts=60, noise=0.3)
    found = decide(drawn, PLAIN, OTHERS, margin(0.02), 60, ceiling="exact")
    assert found.reason == "open"
    settling = what_would_settle(found, drawn, PLAIN, OTHERS, 60)
    assert settling is not None
    assert settling.arm == "best_learned"
    assert settling.prompts is not None
    # (a - q)/a of the excess, its mean over its 10 % quantile, squared.
    lost = drawn.unseen * unlike_loss(drawn, "best_learned", "exact")
    ahead = drawn.draws["best_learned"] - drawn.draws["vote"] - lost - 0.02
    mean = drawn.means["best_learned"] - drawn.means["vote"] - 0.02
    factor = ((mean - np.quantile(ahead, 0.1)) / mean) ** 2
    assert settling.prompts == math.ceil(60 * factor)
    # With that many prompts of the kind, the spread is as much smaller, and it is settled.
    larger = joint(0.06, prompts=2 * settling.prompts, noise=0.3)
    settled = decide(larger, PLAIN, OTHERS, margin(0.02), 60, ceiling="exact")
    assert settled.arm == "best_learned"
    assert what_would_settle(settled, larger, PLAIN, OTHERS, 60) is None


def test_too_few_mixed_prompts_ask_for_more() -> None:
    drawn = joint(0.1)
    found = decide(drawn, PLAIN, OTHERS, margin(0.01), 4, ceiling="exact")
    settling = what_would_settle(found, drawn, PLAIN, OTHERS, 40)
    assert settling is not None
    assert (settling.arm, settling.prompts) == ("", 100)
    assert math.isnan(flips_at(found, drawn, PLAIN, OTHERS))


def test_an_open_decision_names_the_arm_that_may_gain() -> None:
    """Of two arms the better one surely gains nothing worth it; the other may."""
    rng = np.random.default_rng(0)
    vote = rng.uniform(0.3, 0.6, 60)
    noise = rng.normal(0, 0.3, 60)
    values = {
        "single": vote - 0.2, "vote": vote, "best_learned": vote + noise - noise.mean() - 0.01,
        "vote_learned": vote + 0.001, "exact": vote + 0.4,
    }  # fmt: skip
    drawn = JointMeans.of(values, most=1.0, seed=0)
    others = ("vote_learned", "best_learned")
    found = decide(drawn, PLAIN, others, margin(0.02), 60, ceiling="exact")
    assert (found.reason, found.contender) == ("open", "best_learned")
    assert drawn.difference("best_learned", "vote").high > 0.02


@pytest.mark.parametrize("others", [(), ("best_learned",)])
def test_what_settles_is_an_arm_that_the_decision_is_open_between(others: tuple[str, ...]) -> None:
    """The shortest would settle it first, and is not what is open; nor is the learned score."""
    rng = np.random.default_rng(1)
    single = rng.uniform(0.3, 0.6, 40)
    noise = rng.normal(0, 0.4, 40)
    vote = single - 0.02 + noise - noise.mean()
    values = {
        "single": single, "shortest": single + 0.001, "vote": vote, "best_learned": single - 0.2,
        "exact": single + 0.4,
    }  # fmt: skip
    drawn = JointMeans.of(values, most=1.0, seed=0)
    plain = ("single", "shortest", "vote")
    found = decide(drawn, plain, others, margin(0.05), 40, ceiling="exact")
    assert (found.reason, found.best_plain, found.contender) == ("open", "single", "vote")
    settling = what_would_settle(found, drawn, plain, others, 40)
    assert settling is not None
    assert settling.arm in {"single", "vote"}
