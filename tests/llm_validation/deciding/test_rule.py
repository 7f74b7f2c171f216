"""The rule behind both decisions, and the joint draws that it reads."""

from dataclasses import replace

import numpy as np
import pytest

from verigap.llm_validation.deciding.held_out import HeldOut
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import Margin, decide, margin_of
from verigap.llm_validation.deciding.settling import flips_at, what_would_settle
from verigap.llm_validation.intervals import Resampler, mean_interval
from verigap.llm_validation.pools.policy_values import halves

MARGIN = Margin(value=0.02, source="given")
PLAIN, OTHERS = ("single", "vote"), ("score", "learned")


def means(noise: float = 0.02, prompts: int = 200, **arms: float) -> JointMeans:
    """Arms of given means whose prompts differ by independent noise."""
    rng = np.random.default_rng(0)
    values = {}
    for arm, mean in arms.items():
        each = rng.normal(0, noise, prompts)
        values[arm] = mean + each - each.mean()
    return JointMeans.of(values, most=1.0, seed=0)


def test_a_clear_gain_a_clear_tie_and_neither() -> None:
    gains = decide(means(single=0.3, vote=0.4, score=0.41, learned=0.5), PLAIN, OTHERS, MARGIN, 99)
    assert (gains.arm, gains.reason, gains.best_plain) == ("learned", "gains", "vote")
    assert gains.gain.estimate == pytest.approx(0.1)
    assert gains.gain.low < 0.1 < gains.gain.high
    tie = decide(means(single=0.3, vote=0.4, score=0.4, learned=0.405), PLAIN, OTHERS, MARGIN, 99)
    assert (tie.arm, tie.reason) == ("vote", "suffices")
    wide = means(noise=0.3, single=0.3, vote=0.4, score=0.4, learned=0.42)
    neither = decide(wide, PLAIN, OTHERS, MARGIN, 99)
    assert (neither.arm, neither.reason) == ("undecided", "open")
    assert 0 < neither.probability < 0.9


def test_of_arms_that_tie_the_one_that_needs_least() -> None:
    alike = means(single=0.4, vote=0.405, score=0.405, learned=0.4)
    found = decide(alike, PLAIN, OTHERS, MARGIN, 99)
    assert (found.arm, found.best_plain, found.best_other) == ("single", "single", "score")
    # Of the others too: the learner gains no more than half the margin beyond the table's score.
    ahead = means(single=0.3, vote=0.3, score=0.5, learned=0.508)
    assert decide(ahead, PLAIN, OTHERS, MARGIN, 99).arm == "score"
    further = means(single=0.3, vote=0.3, score=0.5, learned=0.53)
    assert decide(further, PLAIN, OTHERS, MARGIN, 99).arm == "learned"


def test_the_draws_are_paired() -> None:
    # Prompts differ much, the two arms on the same prompt by exactly 0.05.
    hard = np.random.default_rng(1).random(60)
    joint = JointMeans.of({"single": hard * 0.9, "score": hard * 0.9 + 0.05}, most=1.0, seed=0)
    found = decide(joint, ("single",), ("score",), MARGIN, 60)
    assert (found.arm, found.probability) == ("score", 1.0)


def test_a_gain_of_just_the_margin_is_none() -> None:
    joint = JointMeans.of({"single": np.zeros(50), "score": np.full(50, 0.02)}, most=1.0, seed=0)
    found = decide(joint, ("single",), ("score",), MARGIN, 50)
    assert (found.arm, found.reason) == ("single", "suffices")


def test_without_others_the_plain_arms_are_compared() -> None:
    found = decide(means(single=0.3, vote=0.4), PLAIN, (), MARGIN, 99)
    assert (found.arm, found.best_other) == ("vote", "")
    assert np.isnan(found.gain.estimate)


@pytest.mark.parametrize("mixed", [0, 9, 10])
def test_without_an_allowance_few_prompts_of_mixed_outcome_decide_nothing(mixed: int) -> None:
    found = decide(means(single=0.3, vote=0.9), PLAIN, (), MARGIN, mixed)
    assert (found.reason == "too_few") == (mixed < 10)
    if mixed < 10:
        assert found.arm == "undecided"
        assert np.isnan(found.probability)


def samples_alike(right: list[float], mixed: int = 0) -> dict[str, np.ndarray]:
    """Prompts whose samples are all worth the same, but for some where 9 of 12 are right."""
    base = np.array(right)
    base[:mixed] = 9 / 12
    best = base.copy()
    best[:mixed] = 1.0
    return {"single": base, "vote": best, "score": base, "exact": best}


@pytest.mark.parametrize("right", [[1.0] * 30, [0.0] * 30, [0.0, 1.0] * 15, [1.0] * 3])
def test_where_there_is_nothing_to_choose_the_arm_that_needs_least(right: list[float]) -> None:
    joint = JointMeans.of(samples_alike(right), most=1.0, seed=0)
    found = decide(joint, PLAIN, ("score",), MARGIN, 0, ceiling="exact", highest="exact")
    assert (found.arm, found.reason) == ("single", "no_room")
    # Were 2 % of all prompts of another kind, none of P would be with probability 0.98^P.
    assert found.probability == pytest.approx(1 - 0.98 ** len(right))
    assert flips_at(found, joint, PLAIN, ("score",)) == 0.0
    # One sample a prompt shows nothing of the kind.
    unseen = decide(joint, PLAIN, ("score",), MARGIN, 0, ceiling="exact")
    assert (unseen.arm, unseen.reason) == ("undecided", "too_few")


def vote_that_equals_a_check(prompts: int, mixed: int) -> JointMeans:
    """The vote leaves an exact check no room, on each of the prompts that were seen."""
    return JointMeans.of(samples_alike([1.0] * prompts, mixed), most=1.0, seed=0)


@pytest.mark.parametrize("mixed", [1, 5, 9, 10, 50, 100])
def test_an_arm_that_loses_nothing_on_few_prompts_is_not_sure_to(mixed: int) -> None:
    joint = vote_that_equals_a_check(mixed, mixed)
    found = decide(joint, PLAIN, ("score",), MARGIN, mixed, ceiling="exact", highest="exact")
    assert (found.arm, found.reason) == ("undecided", "too_few" if mixed < 10 else "open")
    if mixed >= 10:
        # Were it to lose all on 2 % of the prompts, none of these would be like that with
        # probability 0.98^mixed.
        assert found.probability == pytest.approx(1 - 0.98**mixed, abs=0.05)
        assert found.contender == ""


def test_an_arm_that_loses_nothing_on_many_prompts_suffices() -> None:
    joint = vote_that_equals_a_check(150, 150)
    found = decide(joint, PLAIN, ("score",), MARGIN, 150, ceiling="exact", highest="exact")
    assert (found.arm, found.reason) == ("vote", "suffices")
    # Where prompts that lose everything are 5 %, 0.95^45 = 10 % of the tables of 45 hold none.
    wide = Margin(value=0.05, source="given")
    for prompts, arm in ((40, "undecided"), (60, "vote")):
        joint = vote_that_equals_a_check(prompts, prompts)
        assert decide(joint, PLAIN, ("score",), wide, prompts, ceiling="exact").arm == arm


@pytest.mark.parametrize(("mixed", "arm"), [(1, "single"), (5, "single"), (20, "vote")])
def test_few_mixed_prompts_among_many_leave_little_to_choose(mixed: int, arm: str) -> None:
    # On 300 prompts, 5 mixed ones hold less than half a point; 20 hold 1.7.
    joint = vote_that_equals_a_check(300, mixed)
    margin = Margin(value=0.01, source="one point")
    found = decide(joint, PLAIN, ("score",), margin, mixed, ceiling="exact", highest="exact")
    assert (found.arm, found.reason) == (arm, "suffices")
    assert found.probability > 0.9
    # Training makes no such allowance, and asks for 10.
    trained = decide(joint, PLAIN, ("score",), margin, mixed, highest="exact")
    assert (trained.reason == "too_few") == (mixed < 10)


def test_a_score_that_errs_nowhere_on_few_prompts_is_not_sure_to_gain() -> None:
    """The check of an exact verifier cannot err, a score can: on prompts like none of these."""
    plain = np.array([0.75] * 10 + [1.0] * 15)
    values = {"single": plain, "score": np.ones(25), "exact": np.ones(25)}
    wide = Margin(value=0.05, source="given")
    joint = JointMeans.of(values, most=1.0, seed=0)
    for arm, taken in (("score", "undecided"), ("exact", "exact")):
        found = decide(joint, ("single",), (arm,), wide, 10, ceiling="exact", highest="exact")
        assert (found.arm, found.best_other) == (taken, arm)
    many = JointMeans.of({arm: np.tile(v, 8) for arm, v in values.items()}, most=1.0, seed=0)
    assert decide(many, ("single",), ("score",), wide, 80, ceiling="exact").arm == "score"


def test_few_mixed_prompts_show_no_gain() -> None:
    values = samples_alike([1.0] * 300, 9)
    joint = JointMeans.of(
        values | {"score": np.ones(300), "vote": values["single"]}, most=1.0, seed=0
    )
    margin = Margin(value=0.001, source="given")
    few = decide(joint, PLAIN, ("score",), margin, 9, ceiling="exact", highest="exact")
    assert (few.arm, few.reason) == ("undecided", "too_few")
    # A check cannot err, but it asks for as many.
    for mixed, reason in ((9, "too_few"), (10, "gains")):
        found = decide(joint, PLAIN, ("exact",), margin, mixed, ceiling="exact", highest="exact")
        assert found.reason == reason


def test_one_arm_alone_is_nothing_to_compare() -> None:
    found = decide(means(single=0.3), ("single",), (), MARGIN, 99)
    assert (found.arm, found.reason) == ("undecided", "nothing_to_compare")


def test_where_the_margin_comes_from() -> None:
    joint = means(single=0.3, exact=0.35)
    assert margin_of(joint, None, ceiling="exact", floor="single") == Margin(
        value=0.01, source="one point"
    )
    roomy = means(single=0.3, exact=0.7)
    found = margin_of(roomy, None, ceiling="exact", floor="single")
    assert found.source == "a tenth of the headroom"
    assert found.value == pytest.approx(0.04)
    given = margin_of(roomy, 0.002, ceiling="exact", floor="single")
    assert given == Margin(value=0.002, source="given")
    # One point of H, where H is the largest value.
    returns = replace(joint, most=500.0)
    assert margin_of(returns, None, ceiling="exact", floor="single").value == pytest.approx(5.0)


def test_few_prompts_that_show_no_gain_do_not_exclude_one() -> None:
    # No prompt of 12 shows a gain, but a score may gain much on those like none of them.
    values = {"single": np.zeros(12), "score": np.zeros(12), "exact": np.full(12, 0.5)}
    few = JointMeans.of(values, most=1.0, seed=0)
    many = JointMeans.of({arm: np.tile(v, 50) for arm, v in values.items()}, most=1.0, seed=0)
    for joint, arm in ((few, "undecided"), (many, "single")):
        given = (joint, ("single",), ("score",), MARGIN, joint.prompts)
        assert decide(*given, ceiling="exact").arm == arm
        assert decide(*given).arm == "single"
    assert few.unseen.mean() == pytest.approx(1 / 12, rel=0.1)


def test_what_unseen_prompts_keep_open_has_no_contender() -> None:
    # The score never gains; a check would, so prompts unlike these 30 may hold a gain.
    rng = np.random.default_rng(5)
    plain = rng.random(30) / 2
    values = {"single": plain, "score": plain - 0.01 * rng.random(30), "exact": plain + 0.45}
    joint = JointMeans.of(values, most=1.0, seed=0)
    given = (joint, ("single",), ("score",), MARGIN, 30)
    found = decide(*given, ceiling="exact")
    assert (found.reason, found.contender) == ("open", "")
    settling = what_would_settle(found, joint, ("single",), ("score",), 30)
    assert settling is not None
    assert settling.arm == "single"
    assert decide(*given).reason == "suffices"
    # An arm that may gain on prompts like these is named.
    wide = values | {"score": np.minimum(plain + rng.normal(0.01, 0.2, 30), plain + 0.45)}
    again = decide(
        JointMeans.of(wide, most=1.0, seed=0), ("single",), ("score",), MARGIN, 30, ceiling="exact"
    )
    assert (again.reason, again.contender) == ("open", "score")


def test_draws_spread_as_the_mean_does() -> None:
    values = np.random.default_rng(2).random(30)
    joint = JointMeans.of({"a": values, "b": values}, most=1.0, seed=0)
    np.testing.assert_array_equal(joint.draws["a"], joint.draws["b"])
    low, high = np.quantile(joint.draws["a"], [0.025, 0.975])
    # Student's interval of 30 prompts.
    assert (high - low) / 2 == pytest.approx(2.045 * values.std(ddof=1) / 30**0.5, rel=0.08)
    assert np.isnan(joint.difference("a", "b").low)


def test_the_highest_arm_is_never_below_another() -> None:
    # The check adds something on 2 of 6 prompts, whose draws reach below 0.
    values = {"single": np.full(6, 0.25), "exact": np.array([1.0, 1.0, *[0.25] * 4])}
    loose = JointMeans.of(values, most=1.0, seed=0)
    assert loose.difference("exact", "single").low < 0
    joint = JointMeans.of(values, most=1.0, seed=0, highest="exact")
    assert joint.difference("exact", "single").low == 0.0
    assert joint.difference("single", "exact").high == 0.0
    assert joint.difference("exact", "single").high == loose.difference("exact", "single").high
    # Where no two prompts differ there is no interval still.
    alike = {"single": np.full(6, 0.25), "exact": np.full(6, 0.5)}
    same = JointMeans.of(alike, most=1.0, seed=0, highest="exact").difference("exact", "single")
    assert np.isnan([same.low, same.high]).all()


def test_the_interval_of_a_mean_is_gaffkes_and_wider_for_what_is_learned() -> None:
    rng = np.random.default_rng(3)
    values = {"vote": 5 * (rng.random(40) < 0.9), "clone": 5 * (rng.random(40) < 0.5)}
    joint = JointMeans.of(values, most=5.0, seed=4)
    for arm, each in values.items():
        ends = mean_interval(each[:, None] / 5, Resampler(40, 4))
        mean, low, high = joint.value(arm)
        assert mean == pytest.approx(each.mean())
        assert (low, high) == pytest.approx((5 * ends.low[0], 5 * ends.high[0]), rel=1e-5)
    shifts = {"clone": np.full(4, 0.6)}
    moved = JointMeans.of(values, shifts=shifts, most=5.0, seed=4)
    assert moved.value("vote") == joint.value("vote")
    assert moved.value("clone").low < joint.value("clone").low - 0.3
    assert moved.value("clone").high > joint.value("clone").high + 0.3
    alone = JointMeans.of({"vote": np.ones(1)}, most=1.0, seed=0).value("vote")
    assert np.isnan([alone.low, alone.high]).all()


def test_draws_of_learned_arms_move_with_their_shifts_together() -> None:
    flat = {"base": np.full(50, 0.3), "clone": np.full(50, 0.4), "tilt": np.full(50, 0.5)}
    shifts = {"clone": np.array([0.03, -0.03, 0.03, -0.03]), "tilt": np.full(4, 0.01)}
    joint = JointMeans.of(flat, shifts=shifts, most=1.0, seed=0)
    assert np.ptp(joint.draws["base"]) == 0.0
    # Student's law with 4 degrees of freedom has an interquartile range of 2 x 0.741.
    for arm, size in (("clone", 0.03), ("tilt", 0.01)):
        spread = np.subtract(*np.quantile(joint.draws[arm], [0.75, 0.25]))
        assert spread == pytest.approx(2 * 0.741 * size, rel=0.1)
    same = JointMeans.of(
        flat, shifts={"clone": shifts["tilt"], "tilt": shifts["tilt"]}, most=1.0, seed=0
    )
    np.testing.assert_allclose(same.draws["tilt"] - same.draws["clone"], 0.1, atol=1e-9)


def test_shifts_have_the_variance_that_training_adds() -> None:
    """A learner that owes to each prompt a part, and its noise: the total is known."""
    rng = np.random.default_rng(4)
    prompts, splits, tables = 24, 8, 400
    estimates, predicted = [], []
    for seed in range(tables):
        held_out = ~halves(prompts, seeds=splits, seed=seed)
        owed = rng.normal(0, 1.0, prompts)
        # The value on every prompt is the mean of what the training prompts contributed.
        learned = np.stack([owed[~row].mean() for row in held_out])
        found = HeldOut.of(np.tile(learned[:, None], (1, prompts)), held_out)
        estimates.append(found.values.mean())
        predicted.append((found.shifts**2).mean())
    assert np.mean(predicted) == pytest.approx(np.var(estimates), rel=0.2)
    assert np.var(estimates) == pytest.approx(1 / prompts, rel=0.2)


def test_held_out_values_never_use_the_training_prompts() -> None:
    held_out = ~halves(6, seeds=4, seed=0)
    values = np.where(held_out, 2.0, np.nan)
    found = HeldOut.of(values, held_out)
    np.testing.assert_array_equal(found.values, np.full(6, 2.0))
    np.testing.assert_array_equal(found.shifts, np.zeros(2))
