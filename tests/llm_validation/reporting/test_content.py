"""What report.json says of a diagnosis."""

import json
import math
from dataclasses import replace

import polars as pl
import pytest

from tests.llm_validation.reporting.builders import (
    DATA,
    HORIZONS,
    UNTAUGHT,
    diagnosis,
    group,
    pass_at,
    rows,
    vote_at,
)
from verigap.llm_validation.deciding.decisions import VERIFIERS, Verifier
from verigap.llm_validation.deciding.selection import BY_SCORE, EXACT, WITHOUT_VERIFIER
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.numbers import counted, number
from verigap.storage.files import strict_json

SECRET = "the whole trace"


@pytest.mark.smoke
def test_the_arms_earn_what_plain_scripts_say(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    select = found["select"]
    arms = {row["arm"]: row["accuracy"]["estimate"] for row in select["arms"]}
    assert select["num_candidates"] == 4
    assert arms["single"] == pytest.approx(0.5)
    assert arms["exact"] == pytest.approx(pass_at(4))
    # All 70 sets of each prompt.
    assert arms["vote"] == pytest.approx(vote_at(4), abs=1e-9)
    # All samples are equally long.
    assert arms["shortest"] == pytest.approx(0.5)
    assert select["counts"] == [1, 2, 4, 8]
    curve = [row["estimate"] for row in select["curves"]["accuracy"]["exact"]]
    assert curve == pytest.approx([pass_at(n) for n in (1, 2, 4, 8)])
    for row in select["arms"]:
        assert row["accuracy"]["low"] <= row["accuracy"]["estimate"] <= row["accuracy"]["high"]
        assert row["sampled"] == (40 if row["arm"] == "single" else 160)


def test_both_decisions_are_there_in_both_currencies(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    assert found["currency"] == "accuracy"
    assert found["budget"] == {"horizon": 64, "source": "given"}
    assert set(found["select"]["decision"]) == set(found["train"]["decision"])
    assert set(found["select"]["decision"]) == {"accuracy", "return"}
    for table in (found["select"], found["train"]):
        for decision in table["decision"].values():
            assert decision["sentence"].endswith(".")
            assert 0.5 < decision["probability"] <= 1.0
    # Of 18 prompts that show no loss of the vote, others may still show one.
    select = found["select"]["decision"]["accuracy"]
    assert (select["arm"], select["reason"], select["best_plain"]) == ("undecided", "open", "vote")
    assert {row["arm"] for row in found["train"]["rows"]} == {
        "base", "clone", "rejection", "reinforce",
    }  # fmt: skip
    assert {row["data_budget"] for row in found["train"]["rows"]} == set(DATA)


def test_one_sample_has_the_interval_that_the_fit_gives(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    single = found["select"]["arms"][0]
    statistics = found["statistics"]
    at_h = next(row for row in statistics["horizons"] if row["horizon"] == HORIZONS[-1])
    for end in ("estimate", "low", "high"):
        assert single["accuracy"][end] == pytest.approx(statistics["mean_correct"][end], abs=1e-6)
        mean_return = at_h["mean_return"][end]
        assert single["return"][end] == pytest.approx(mean_return, rel=1e-5)
    # So has pass@N, and the curves and the base of what is trained are the same quantity again.
    exact = next(row for row in found["select"]["arms"] if row["arm"] == "exact")["accuracy"]
    assert exact["low"] == pytest.approx(statistics["pass_at_k"]["4"]["low"], abs=1e-6)
    assert found["select"]["curves"]["accuracy"]["single"][0] == single["accuracy"]
    base = next(row for row in found["train"]["rows"] if row["arm"] == "base")
    assert base["accuracy"] == single["accuracy"]


@pytest.mark.parametrize("verifier", [None, *VERIFIERS])
def test_the_verifier_that_there_is(usual: Diagnosis, verifier: Verifier | None) -> None:
    (found,) = diagnosis_content(usual, verifier=verifier)["groups"]
    decision = found["select"]["decision"]["accuracy"]
    # Without a verifier_score the verifier is unknown, and the reader is told.
    missing = verifier == "score"
    assert found["verifier"] == (None if missing else verifier)
    told = any("the table has no verifier_score" in note.lower() for note in found["warnings"])
    assert told is missing
    assert set(found["select"]["by_verifier"]) == {"exact", "learned"}
    assert decision["best_plain"] == "vote"
    assert decision["arm"] == ("exact" if verifier == "exact" else "undecided")
    if verifier == "exact":
        assert decision["gain"]["estimate"] == pytest.approx(pass_at(4) - vote_at(4), abs=1e-9)


@pytest.mark.parametrize(
    ("verifier", "kinds"),
    [
        (None, {*WITHOUT_VERIFIER, *BY_SCORE, *EXACT}),
        ("score", {*WITHOUT_VERIFIER, *BY_SCORE}),
        ("learned", set(WITHOUT_VERIFIER)),
        ("exact", {*WITHOUT_VERIFIER, *EXACT}),
    ],
)
def test_only_the_verifier_that_there_is_is_spent_on(
    verifier: Verifier | None, kinds: set[str]
) -> None:
    # The table's score knows what is right, but for some samples.
    knows = pl.col("correct").cast(float) + (pl.col("sample_id") % 3 == 0).cast(float)
    frame = rows().with_columns(verifier_score=knows)
    asked = diagnosis(group(frame, theory=False))
    (found,) = diagnosis_content(asked, verifier=verifier, spend=200.0)["groups"]
    spending = found["spending"]
    used = {row["arm"] for line in spending["frontier"].values() for row in line}
    assert used <= kinds
    assert set(spending["within"]) == {"without_check"} | (
        {"with_check"} if kinds & {*EXACT} else set()
    )
    best = spending["within"]["without_check"]["arm"]
    assert (best in BY_SCORE) == (verifier in (None, "score"))
    for check in found["select"]["check"]["by_currency"].values():
        assert check["beyond"] not in EXACT
        assert (check["beyond"] in BY_SCORE) == (verifier in (None, "score"))


def test_the_worth_of_a_check_is_told_in_both_currencies(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual, currency="return")["groups"]
    check = found["select"]["check"]["by_currency"]
    arms = {row["arm"]: row["return"]["estimate"] for row in found["select"]["arms"]}
    gain = arms["exact"] - arms[check["return"]["beyond"]]
    assert check["return"]["gain"]["estimate"] == pytest.approx(gain)
    assert " tokens of correct trace beyond " in check["return"]["sentence"]
    assert "points" not in check["return"]["sentence"]
    assert " points beyond " in check["accuracy"]["sentence"]


def test_the_theory_stands_apart(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    theory = found["theory"]
    cells = [(cell["horizon"], cell["data_budget"]) for cell in theory["gap_measured"]]
    assert cells == [(horizon, n) for horizon in HORIZONS for n in DATA]
    assert cells == [(cell["horizon"], cell["data_budget"]) for cell in theory["gap_predicted"]]
    assert theory["comparison"][0]["predicted"]["low"] == pytest.approx(2.2)
    assert theory["prediction"]["predictor"] == "parametric"
    assert theory["prediction"]["crossover_data_budget"] == {
        "32": {"kind": "everywhere", "at": None},
        "64": {"kind": "at", "at": {"estimate": 20.0, "low": 19.0, "high": 21.0}},
    }
    assert theory["prediction"]["crossover_horizon"] == {
        "16": {"kind": "nowhere", "at": None},
        "64": {"kind": "unknown", "at": None},
    }
    assert theory["prediction"]["log2_class_size"] == {"estimate": 6.0, "low": 3.0, "high": 12.0}
    for cell in theory["gap_measured"]:
        assert cell["gap"]["estimate"] == pytest.approx(7.0 * cell["horizon"] / 64)
        assert cell["gap_unleashed"]["estimate"] == pytest.approx(8.0 * cell["horizon"] / 64)
    # The smaller half of the budgets and of n calibrates; the rest is held out.
    roles = {(row["horizon"], row["data_budget"]): row["held_out"] for row in theory["comparison"]}
    assert roles == {(32, 16): False, (32, 64): True, (64, 16): True, (64, 64): True}
    # What the stages say of the same trouble is said once, and not above the decisions.
    assert theory["warnings"].count("measured: by hand") == 1
    assert "measured: said before" not in theory["warnings"]
    assert not any("by hand" in note for note in found["warnings"])
    assert found["statistics"]["horizons"][0]["horizon"] == 32


def test_the_steps_mend_what_fails(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    assert found["next_steps"][0].startswith("If answers can be checked exactly")
    # What a vote over 8 cannot do either is not to be had without a check.
    assert "No arm without a check gets as far" in found["next_steps"][0]
    assert found["next_steps"][-1] == "Import with the model's tokenizer."
    assert [row["name"] for row in found["assumptions"]] == ["unit", "bi_level"]


def test_what_a_check_may_cost_is_what_it_saves() -> None:
    """Two checked samples against the votes over more that get as far."""
    traces = diagnosis(group(rows(), num_candidates=2, theory=False))
    (found,) = diagnosis_content(traces)["groups"]
    same = found["select"]["check"]["same_accuracy"]
    assert vote_at(4) < pass_at(2) < vote_at(8)
    assert (same["num_candidates"], same["arm"]) == (8, "vote")
    assert same["length_a_check"] == pytest.approx((8 - 2) * 40 / 2)
    assert "one check may cost as much as 120 tokens of sampling" in found["next_steps"][0]


def test_it_is_strict_json(usual: Diagnosis) -> None:
    content = diagnosis_content(usual, include_text=True)
    read = json.loads(strict_json(content), parse_constant=pytest.fail)
    predicted = read["groups"][0]["theory"]["gap_predicted"]
    assert predicted[0]["suboptimality"]["vf-bayes"]["estimate"] is None
    assert read["left_out"] == [{"dataset": "d", "model": "unverified", "unverified": 7}]


def test_text_is_left_out_unless_asked_for() -> None:
    traces = diagnosis(group(rows(text=SECRET, answer=SECRET), theory=False))
    assert SECRET not in strict_json(diagnosis_content(traces))
    (found,) = diagnosis_content(traces, include_text=True)["groups"]
    shown = [sample for samples in found["examples"].values() for sample in samples]
    assert {example["text"] for example in shown} == {SECRET}
    assert len(found["examples"]) == 18
    assert all(len(samples) == 2 for samples in found["examples"].values())
    # Of either outcome where there are both.
    mixed = found["examples"]["prompt 3"]
    assert sorted(example["correct"] for example in mixed) == [False, True]
    assert [example["correct"] for example in found["examples"]["prompt 0"]] == [False, False]


def test_one_prompt_decides_nothing() -> None:
    """There is no other to learn from."""
    one = rows().filter(pl.col("prompt_id") == "prompt 3")
    traces = diagnosis(group(one, values=UNTAUGHT))
    (found,) = diagnosis_content(traces, verifier="learned")["groups"]
    assert found["train"] is None
    decision = found["select"]["decision"]["accuracy"]
    assert (decision["arm"], decision["reason"]) == ("undecided", "too_few")
    assert found["theory"]["gap_measured"] == []
    assert "best_learned" not in {row["arm"] for row in found["select"]["arms"]}
    assert all(math.isnan(row["accuracy"]["low"]) for row in found["select"]["arms"])
    assert [note for note in found["warnings"] if note.startswith("One prompt:")]
    assert found["verifier"] is None
    strict_json(found)


@pytest.mark.parametrize(
    ("correct", "says"), [(True, "Every sample is correct"), (False, "No sample is correct")]
)
def test_all_alike_leaves_nothing_to_choose(correct: bool, says: str) -> None:
    alike = rows(correct=correct)
    frame = alike.with_columns(first_correct=5) if correct else alike.drop("first_correct")
    (found,) = diagnosis_content(diagnosis(group(frame, theory=False)))["groups"]
    for table, arm in ((found["select"], "single"), (found["train"], "base")):
        decision = table["decision"]["accuracy"]
        assert (decision["arm"], decision["reason"]) == (arm, "no_room")
        assert says.replace("correct", "right") in decision["sentence"]
        # 1 - 0.1^(1/18): none of 18 prompts was unlike the others.
        assert "at most 12 % of all (probability 0.9)" in decision["flips"]
        assert not decision["settling"]
    assert [note for note in found["warnings"] if note.startswith(says)]
    assert {row["accuracy"]["estimate"] for row in found["select"]["arms"]} == {float(correct)}
    # Of 18 prompts alike: 1 - 0.025^(1/18) of the way to the other end.
    for row in found["select"]["arms"]:
        ends = sorted(abs(row["accuracy"][end] - correct) for end in ("low", "high"))
        assert ends == pytest.approx([0.0, 0.185], abs=0.01)


def test_prompts_that_are_all_right_or_all_wrong_leave_nothing_to_choose() -> None:
    right = pl.col("prompt_id").is_in([f"prompt {p}" for p in range(6)])
    frame = rows().with_columns(
        correct=right, first_correct=pl.when(right).then(5), answer=pl.lit("the same")
    )
    (found,) = diagnosis_content(diagnosis(group(frame, theory=False)))["groups"]
    for table, arm in ((found["select"], "single"), (found["train"], "base")):
        for decision in table["decision"].values():
            assert (decision["arm"], decision["reason"]) == (arm, "no_room")
        says = "The samples of each prompt are all right or all wrong, so there is nothing to"
        assert says in table["decision"]["accuracy"]["sentence"]


def test_where_all_are_right_returns_may_still_differ() -> None:
    lengths = 10 + 3 * pl.col("sample_id")
    frame = rows(prompts=270, correct=True).with_columns(first_correct=lengths, n_tokens=lengths)
    (found,) = diagnosis_content(diagnosis(group(frame, theory=False)))["groups"]
    decision = found["select"]["decision"]
    assert (decision["accuracy"]["arm"], decision["return"]["arm"]) == ("single", "shortest")


def test_one_sample_a_prompt_shows_that_all_are_right_and_no_more() -> None:
    right = rows(samples=1, correct=True, first_correct=5)
    (found,) = diagnosis_content(diagnosis(group(right, theory=False)))["groups"]
    assert found["select"]["decision"]["accuracy"]["arm"] == "single"
    assert "Every sample is right" in found["select"]["decision"]["accuracy"]["sentence"]
    assert found["train"]["decision"]["accuracy"]["arm"] == "base"
    wrong = rows(samples=1, correct=False).drop("first_correct")
    (found,) = diagnosis_content(diagnosis(group(wrong, theory=False)))["groups"]
    for table in (found["select"], found["train"]):
        assert table["decision"]["accuracy"]["arm"] == "undecided"


def test_intervals_of_few_prompts_stay_within_what_is_possible() -> None:
    few = rows().filter(pl.col("prompt_id").is_in(["prompt 0", "prompt 8", "prompt 7"]))
    (found,) = diagnosis_content(diagnosis(group(few, theory=False)))["groups"]
    for row in found["select"]["arms"]:
        assert 0.0 <= row["accuracy"]["low"] <= row["accuracy"]["high"] <= 1.0
        assert 0.0 <= row["return"]["low"] <= row["return"]["high"] <= HORIZONS[-1]
    exact = next(row for row in found["select"]["arms"] if row["arm"] == "exact")
    assert exact["beyond_single"]["low"] == 0.0


def test_one_sample_a_prompt() -> None:
    (found,) = diagnosis_content(diagnosis(group(rows(samples=1), theory=False)))["groups"]
    assert found["select"]["num_candidates"] == 1
    assert "nothing to select among" in found["select"]["decision"]["accuracy"]["sentence"]
    notes = " ".join(found["warnings"])
    assert "One sample a prompt" in notes
    assert "N = 4 was asked for" in notes
    assert "about N = 1." in notes


def test_what_is_left_out_is_counted() -> None:
    """Ungraded samples, small pools, and prompts that nobody graded."""
    third = pl.col("sample_id") == 2
    frame = rows(prompts=40).with_columns(
        correct=pl.when(~third).then("correct"),
        first_correct=pl.when(~third).then("first_correct"),
    )
    small = frame.filter((pl.col("prompt_id") != "prompt 9") | (pl.col("sample_id") < 4))
    none = pl.lit(None, pl.Boolean)
    ungraded = pl.col("prompt_id") == "prompt 8"
    whole = small.with_columns(
        correct=pl.when(ungraded).then(none).otherwise("correct"),
        first_correct=pl.when(~ungraded).then("first_correct"),
    )
    (found,) = diagnosis_content(diagnosis(group(whole, theory=False)))["groups"]
    # 39 prompts of 7 graded samples, one of which has 3.
    assert (found["prompts"], found["samples"], found["ungraded"]) == (39, 38 * 7 + 3, 38 + 1 + 8)
    assert (found["select"]["prompts"], found["select"]["left_out"]) == (38, 1)
    notes = " ".join(found["warnings"])
    assert "1 of 39 prompts have fewer than 7 samples" in notes
    assert "1 prompts without a graded sample" in notes
    assert f"{found['ungraded']} of {38 * 7 + 3 + found['ungraded']} samples are ungraded" in notes


def test_a_budget_beyond_the_traces_is_said() -> None:
    (found,) = diagnosis_content(diagnosis(group(rows(), horizon=41, theory=False)))["groups"]
    assert any(note.startswith("H = 41 is beyond the longest trace (40)")
               for note in found["warnings"])  # fmt: skip
    (found,) = diagnosis_content(diagnosis(group(rows(), horizon=40, theory=False)))["groups"]
    assert not any("longest trace" in note for note in found["warnings"])


def test_the_right_answer_that_is_lost_again() -> None:
    """Accuracy counts the end of a trace, returns the first place that is right."""
    kept = pl.col("correct") & (pl.col("sample_id") > 4)
    (found,) = diagnosis_content(
        diagnosis(group(rows().with_columns(correct_at_end=kept), theory=False))
    )["groups"]
    lost = sum(max(0, p % 9 - 3) for p in range(18))
    assert any(note.startswith(f"{lost} of 72 correct traces lose") for note in found["warnings"])
    single = next(row for row in found["select"]["arms"] if row["arm"] == "single")
    assert single["accuracy"]["estimate"] == pytest.approx((72 - lost) / 144)


def test_prompts_from_hard_to_easy(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    difficulty = found["difficulty"]
    shares = [row["share"] for row in difficulty["rows"]]
    assert shares == sorted(shares)
    assert (difficulty["never"], difficulty["always"]) == (2, 2)
    assert sum(row["prompts"] for row in difficulty["histogram"]) == 18
    assert [row["correct"] for row in difficulty["rows"]] == sorted(p % 9 for p in range(18))


def test_the_table_alone_has_no_vote_and_no_budget() -> None:
    """prompt_id and correct are all that a table needs."""
    plain = group(rows().select("prompt_id", "correct"), horizon=None)
    assert plain.theory is None
    (found,) = diagnosis_content(diagnosis(plain), currency="return", spend=10.0)["groups"]
    assert {row["arm"] for row in found["select"]["arms"]} == {"single", "exact", "best_learned"}
    assert found["budget"] == {"horizon": None, "source": "no lengths"}
    assert found["currency"] == "accuracy"
    assert set(found["select"]["decision"]) == {"accuracy"}
    assert found["spending"]["within"] is None
    notes = " ".join(found["warnings"])
    assert "Returns are not known" in notes
    assert "nothing can be said about what a prompt may cost" in notes
    estimates = {row["arm"]: row["accuracy"]["estimate"] for row in found["select"]["arms"]}
    assert estimates["exact"] == pytest.approx(pass_at(4))
    strict_json(found)
    # What was not asked is not answered.
    (silent,) = diagnosis_content(diagnosis(plain))["groups"]
    assert not any("nothing can be said" in note for note in silent["warnings"])


def test_a_margin_finer_than_a_prompt_is_told_in_the_unit_of_the_gains() -> None:
    traces = diagnosis(group(rows(), theory=False, worth=0.0125))
    (found,) = diagnosis_content(traces)["groups"]
    (note,) = (note for note in found["warnings"] if note.startswith("The least gain"))
    assert note.startswith(
        "The least gain that counts, 1.25 points, is less than one of 18 prompts (5.56 points):"
    )
    (found,) = diagnosis_content(traces, currency="return")["groups"]
    (note,) = (note for note in found["warnings"] if note.startswith("The least gain"))
    assert "0.8 tokens of correct trace, is less than one of 18 prompts (3.56 tokens" in note
    assert not any("The least gain" in note for note in diagnosis_content(
        diagnosis(group(rows(), theory=False, worth=0.06)))["groups"][0]["warnings"])  # fmt: skip


def test_fits_that_did_not_converge_are_told(usual: Diagnosis) -> None:
    (whole,) = usual.groups
    selection = replace(whole.decisions.selection, unconverged=3, fits=16)
    rough = replace(whole, decisions=replace(whole.decisions, selection=selection))
    (found,) = diagnosis_content(diagnosis(rough))["groups"]
    assert any("3 of 16 fits of the learned score" in note for note in found["warnings"])


def test_large_numbers_have_no_exponent() -> None:
    shown = [number(value) for value in (0.01234, 999.4, 999.7, 9041.0, -12345.0, 2e12)]
    assert shown == ["0.0123", "999", "1,000", "9,040", "-12,300", "2e+12"]
    assert [counted(n, "prompt") for n in (0, 1, 1024)] == [
        "0 prompts", "1 prompt", "1,024 prompts",
    ]  # fmt: skip
