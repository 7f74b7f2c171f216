"""Reports on pools whose truth is known: what to do, and what it gains."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.reporting.builders import diagnosis, group, rows
from verigap.llm_validation.deciding import Prices
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis, GroupDiagnosis

PROMPTS, SAMPLES = 96, 16


def pool(
    chances: Sequence[float], *, agree: str = "right", seed: int = 0, **lengths: tuple[int, int]
) -> pl.DataFrame:
    """Prompts solved with these chances in turn; `agree` names the samples with a common answer.

    Args:
      chances: that a sample is right, of the prompts in turn.
      agree: "right" or "wrong" samples have the same answer, each of the others has its own.
      seed: of the draws.
      lengths: least and largest length of "right" and "wrong" samples; 40 by default.
    """
    rng = np.random.default_rng(seed)
    chance = np.resize(chances, PROMPTS)[:, None]
    correct = (rng.random((PROMPTS, SAMPLES)) < chance).ravel()
    drawn = {name: rng.integers(*lengths.get(name, (40, 41)), PROMPTS * SAMPLES)
             for name in ("right", "wrong")}  # fmt: skip
    tokens = np.where(correct, drawn["right"], drawn["wrong"])
    common = correct if agree == "right" else ~correct
    own = np.char.add("own ", np.tile(np.arange(SAMPLES), PROMPTS).astype(str))
    return rows(prompts=PROMPTS, samples=SAMPLES).with_columns(
        correct=pl.Series(correct),
        first_correct=pl.Series(tokens).cast(pl.Int64),
        n_tokens=pl.Series(tokens),
        answer=pl.Series(np.where(common, "common", own)),
    ).with_columns(first_correct=pl.when("correct").then("first_correct"))  # fmt: skip


def diagnosed(frame: pl.DataFrame, **asked: Any) -> GroupDiagnosis:
    """The diagnosis of a pool, at N = 8 and the longest trace."""
    usual = {"horizon": None, "theory": False, "num_candidates": 8, "data_budgets": (64,)}
    return group(frame, **{**usual, **asked})


def content_of(found: GroupDiagnosis, **options: Any) -> dict[str, Any]:
    (content,) = diagnosis_content(diagnosis(found), **options)["groups"]
    return content


@pytest.fixture(scope="module")
def agreeing() -> GroupDiagnosis:
    """Right answers agree, wrong ones do not: a vote is as good as a check."""
    return diagnosed(pool([0.4, 0.6]))


def test_where_right_answers_agree_a_vote_is_advised(agreeing: GroupDiagnosis) -> None:
    found = content_of(agreeing)
    decision = found["select"]["decision"]["accuracy"]
    assert (decision["arm"], decision["reason"]) == ("vote", "suffices")
    assert decision["sentence"].startswith("Vote over 8 answers: ")
    arms = {row["arm"]: row for row in found["select"]["arms"]}
    # Two right samples of eight outvote the rest; fewer have a chance of 1 - 8 * .4 * .6^7 - ....
    assert arms["vote"]["accuracy"]["estimate"] > 0.9
    assert arms["vote"]["beyond_single"]["low"] > 0.3
    assert found["select"]["falls"] == []
    # Nothing is left for a check to add, and the reader is not sent to make one.
    assert found["select"]["check"]["by_currency"]["accuracy"]["gain"]["estimate"] < 0.06


@pytest.mark.parametrize("answers", [True, False])
def test_short_and_wrong_is_never_advised(answers: bool) -> None:
    """Length must not pass for correctness: the shortest is wrong whenever any sample is."""
    frame = pool([0.6, 0.7], right=(30, 40), wrong=(5, 9))
    found = content_of(diagnosed(frame if answers else frame.drop("answer")))
    arms = {row["arm"]: row["accuracy"]["estimate"] for row in found["select"]["arms"]}
    assert arms["shortest"] < 0.05 < arms["single"]
    for decision in found["select"]["decision"].values():
        assert decision["arm"] != "shortest"
        assert decision["best_plain"] != "shortest"
    # Long samples are right, which a score can learn.
    expected = {"vote"} if answers else {"best_learned"}
    assert found["select"]["decision"]["accuracy"]["arm"] in expected
    assert ("vote" in arms) is answers
    falling = [row["arm"] for row in found["select"]["falls"]]
    assert "shortest" in falling


def test_short_and_right_is_advised_without_a_verifier() -> None:
    frame = pool([0.4, 0.6], agree="wrong", right=(5, 9), wrong=(30, 40))
    decision = content_of(diagnosed(frame))["select"]["decision"]["accuracy"]
    assert (decision["arm"], decision["reason"]) == ("shortest", "suffices")
    assert decision["sentence"].startswith("Take the shortest of 8 samples: ")


def test_where_wrong_answers_agree_a_vote_is_advised_against() -> None:
    found = content_of(diagnosed(pool([0.3, 0.4], agree="wrong")))
    assert found["select"]["decision"]["accuracy"]["arm"] != "vote"
    (fall,) = (row for row in found["select"]["falls"] if row["arm"] == "vote")
    assert fall["last"] == 16
    assert "do not use it with N = 16" in fall["sentence"]
    assert "below one random sample" in fall["sentence"]


def overfitted() -> pl.DataFrame:
    """Generated tests: right samples pass most, but one wrong sample of each prompt passes all."""
    frame = pool([0.2, 0.3])
    first = pl.col("sample_id") == 0
    return frame.with_columns(
        correct=pl.col("correct") & ~first,
        first_correct=pl.when(pl.col("correct") & ~first).then("first_correct"),
        answer=pl.when(first).then(pl.lit("overfitted")).otherwise("answer"),
    ).with_columns(verifier_score=pl.when(first).then(1.0).when("correct").then(0.8).otherwise(0.1))


@pytest.fixture(scope="module")
def scored() -> GroupDiagnosis:
    return diagnosed(overfitted())


def test_a_score_that_is_fooled_by_more_samples_is_advised_against(scored: GroupDiagnosis) -> None:
    found = content_of(scored)
    curve = [row["estimate"] for row in found["select"]["curves"]["accuracy"]["best_score"]]
    counts = found["select"]["counts"]
    peak = counts[int(np.argmax(curve))]
    # With all 16 samples the one that passes every test is always among them.
    assert curve[-1] == 0.0
    (fall,) = (row for row in found["select"]["falls"] if row["arm"] == "best_score")
    assert (fall["peak"], fall["last"]) == (peak, 16)
    assert 1 < peak < 16
    assert f"peaks at N = {peak}" in fall["sentence"]
    assert fall["sentence"].endswith("do not use it with N = 16.")
    # The vote by the same score is not fooled: one sample cannot outvote those that agree.
    assert "vote_score" not in {row["arm"] for row in found["select"]["falls"]}


@pytest.mark.parametrize(
    ("verifier", "arms"),
    [
        ("exact", {"exact"}),
        ("score", {"vote_score", "best_score"}),
        ("learned", {"vote_learned", "best_learned"}),
    ],
)
def test_the_verifier_one_has(scored: GroupDiagnosis, verifier: str, arms: set[str]) -> None:
    found = content_of(scored, verifier=verifier)
    decision = found["select"]["decision"]["accuracy"]
    assert decision["best_other"] in arms
    assert decision["arm"] in {"single", "shortest", "vote", "vote_shortest", "undecided"} | arms
    assert set(found["select"]["by_verifier"]) == {"exact", "score", "learned"}
    assert found["select"]["by_verifier"][verifier]["accuracy"] == decision
    # Without one named, an exact check is not taken for granted.
    assert content_of(scored)["select"]["decision"]["accuracy"]["best_other"] != "exact"
    if verifier == "exact":
        assert (decision["arm"], decision["reason"]) == ("exact", "gains")


def test_the_score_as_a_check(scored: GroupDiagnosis) -> None:
    roc = content_of(scored)["select"]["check"]["roc"]
    assert set(roc) == {"learned", "score"}
    correct = overfitted()["correct"].to_numpy().mean()
    # A right sample is below the overfitted ones alone, 1 of the (1 - share) * 16 wrong ones.
    assert roc["score"]["area"] == pytest.approx(1 - 1 / (16 * (1 - correct)))


@pytest.mark.long
def test_the_margin_flips_where_the_report_says(agreeing: GroupDiagnosis) -> None:
    """Below `flips_at` a gain decides, above it does not."""
    frame = pool([0.2, 0.3]).drop("answer")
    usual = content_of(diagnosed(frame), verifier="exact")["select"]["decision"]["accuracy"]
    assert (usual["arm"], usual["reason"]) == ("exact", "gains")
    assert usual["margin"] < usual["flips_at"] < usual["gain"]["estimate"]
    below, above = (
        content_of(diagnosed(frame, worth=usual["flips_at"] * factor), verifier="exact")
        for factor in (0.98, 1.02)
    )
    assert below["select"]["decision"]["accuracy"]["arm"] == "exact"
    assert above["select"]["decision"]["accuracy"]["arm"] == "undecided"
    assert above["select"]["decision"]["accuracy"]["margin_source"] == "given"
    # A vote that is as good as an exact check holds for any margin but the smallest: of 96 prompts
    # none shows what a share of ln(10)/96 would lose.
    voted = content_of(agreeing)["select"]["decision"]["accuracy"]
    assert 0 < voted["flips_at"] < 0.03
    smaller, larger = (
        content_of(diagnosed(pool([0.4, 0.6]), worth=voted["flips_at"] * factor))
        for factor in (0.9, 1.1)
    )
    assert smaller["select"]["decision"]["accuracy"]["arm"] != "vote"
    assert larger["select"]["decision"]["accuracy"]["arm"] == "vote"
    # Where most of everything must be gained, one sample will do.
    proud = content_of(diagnosed(pool([0.4, 0.6]), worth=0.6))["select"]["decision"]["accuracy"]
    assert proud["arm"] == "single"


def test_returns_may_differ_and_the_report_says_why() -> None:
    """Right answers agree, and come early or late: only returns care which one is returned."""
    frame = pool([0.4, 0.6], right=(5, 60), wrong=(20, 40))
    found = content_of(diagnosed(frame), currency="return")
    accuracy, returns = (found["select"]["decision"][name] for name in ("accuracy", "return"))
    assert found["currency"] == "return"
    assert (accuracy["arm"], returns["arm"]) == ("vote", "vote_shortest")
    why = found["select"]["why_different"]
    assert "“majority vote of 8”" in why
    assert "“majority vote of 8, shortest winner”" in why
    # Both arms are right equally often, so that nothing but shortness sets them apart.
    assert "Shortness explains 100 %" in why
    assert "tokens of correct trace" in returns["sentence"]


def test_a_free_check_is_bought_and_a_dear_one_is_not(agreeing: GroupDiagnosis) -> None:
    spend = 8 * 40 * 1e-6 * 1.01
    for cost, affordable in ((0.0, True), (spend, False)):
        prices = Prices(per_mtok=1.0, check_cost=cost)
        within = content_of(agreeing, prices=prices, spend=spend)["spending"]["within"]
        assert within["without_check"]["arm"] in {"vote", "vote_shortest"}
        assert within["without_check"]["num_candidates"] == 8
        assert (within["with_check"] is not None) is affordable


def test_a_check_is_advised_where_it_adds(agreeing: GroupDiagnosis) -> None:
    hard = pool([0.1, 0.2]).drop("answer")
    found = content_of(diagnosed(hard))
    (step,) = (row for row in found["next_steps"] if row.startswith("If answers can be checked"))
    assert "with 8 samples that adds " in step
    gain = found["select"]["check"]["by_currency"]["accuracy"]["gain"]
    arms = {row["arm"]: row["accuracy"]["estimate"] for row in found["select"]["arms"]}
    best = arms[found["select"]["check"]["by_currency"]["accuracy"]["beyond"]]
    assert gain["estimate"] == pytest.approx(arms["exact"] - best)
    # Of arms that tie, the one that needs least.
    others = [value for arm, value in arms.items() if arm != "exact"]
    assert best == pytest.approx(max(others), abs=0.005)
    # A check that accepts everything returns a random sample, which is what one sample is.
    assert found["select"]["check"]["by_currency"]["accuracy"]["beyond"] == "single"
    assert found["select"]["check"]["false_positive"] == 1
    assert not [row for row in content_of(agreeing)["next_steps"] if row.startswith("If answers")]


def test_a_named_arm_is_the_same_diagnosis(agreeing: GroupDiagnosis) -> None:
    """Options of the report change what is said, never what was measured."""
    whole: Diagnosis = diagnosis(agreeing)
    plain, asked = (
        diagnosis_content(whole, **options)["groups"][0]["select"]
        for options in ({}, {"verifier": "exact", "currency": "return", "spend": 5.0})
    )
    for key in ("arms", "curves", "counts", "by_verifier", "check", "falls"):
        assert repr(plain[key]) == repr(asked[key]), key
