"""What report.json says of a diagnosis."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.reporting.builders import (
    DATA,
    HORIZONS,
    UNTAUGHT,
    VALUES,
    diagnosis,
    group,
    measurement,
    rows,
)
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.numbers import number
from verigap.llm_validation.reporting.verdict import VERIFIERS
from verigap.storage.files import strict_json

SECRET = "the whole trace"


@pytest.mark.smoke
def test_a_named_verifier(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual, verifier="exact")["groups"]
    named = [found[key] for key in ("verdict", "reason", "verifier", "probability")]
    assert named == ["verify", "verify_gains", "exact", 1.0]
    assert found["target"] == {
        "horizon": 64, "data_budget": 64, "num_candidates": 4, "chi2_radius": 1.0,
        "extrapolated": False,
    }  # fmt: skip
    # Policies are worth what the builder says, and intervals hold it.
    for name, value in VALUES.items():
        arm = found["arms"][name]
        assert arm["low"] <= arm["estimate"] <= arm["high"]
        assert arm["estimate"] == pytest.approx(value)
    margin = (VALUES["exact"] - VALUES["base"]) / 10
    assert found["verdicts"][0]["margin"] == pytest.approx(margin, rel=0.05)
    gain = found["verdicts"][0]["gain"]
    assert gain["estimate"] == pytest.approx(VALUES["exact"] - VALUES["vote"])
    assert "best-of-4 by an exact check earns 14" in found["verdicts"][0]["sentence"]


def test_both_verifiers(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    assert found["verifier"] == list(VERIFIERS)
    assert [row["verifier"] for row in found["verdicts"]] == list(VERIFIERS)
    for key in ("verdict", "probability", "reason"):
        assert found[key] == {row["verifier"]: row[key] for row in found["verdicts"]}
    # The learned reward model earns less than the exact check, and says so as advice.
    assert found["verdicts"][1]["gain"]["estimate"] == pytest.approx(6.0)
    assert any(step.startswith("An exact check would earn ") for step in found["next_steps"])
    assert "Import with the model's tokenizer." in found["next_steps"]


def test_gaps_and_scores(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    cells = [(cell["horizon"], cell["data_budget"]) for cell in found["gap_measured"]]
    assert cells == [(horizon, n) for horizon in HORIZONS for n in DATA]
    assert cells == [(cell["horizon"], cell["data_budget"]) for cell in found["gap_predicted"]]
    assert found["comparison"][0]["predicted"]["low"] == pytest.approx(2.2)
    assert found["prediction"]["predictor"] == "parametric"
    assert found["prediction"]["crossover_data_budget"] == {
        "32": {"kind": "everywhere", "at": None},
        "64": {"kind": "at", "at": {"estimate": 20.0, "low": 19.0, "high": 21.0}},
    }
    assert found["prediction"]["crossover_horizon"] == {
        "16": {"kind": "nowhere", "at": None},
        "64": {"kind": "unknown", "at": None},
    }
    assert found["prediction"]["log2_class_size"] == {"estimate": 6.0, "low": 3.0, "high": 12.0}
    for cell in found["gap_measured"]:
        assert cell["gap"]["estimate"] == pytest.approx(7.0 * cell["horizon"] / 64)
        assert cell["gap_unleashed"]["estimate"] == pytest.approx(8.0 * cell["horizon"] / 64)
    # The smaller half of the budgets and of n calibrates; nothing is scored there.
    roles = {(row["horizon"], row["data_budget"]): row["held_out"] for row in found["comparison"]}
    assert roles == {(32, 16): False, (32, 64): True, (64, 16): True, (64, 64): True}
    methods = {row["method"]: row for row in found["prediction_score"]["methods"]}
    assert methods["predicted"]["sign_accuracy"] == 1.0
    assert methods["predicted"]["absolute_error"] == 1.0
    assert methods["no gap"]["relative_error"] == 1.0
    assert methods["no gap"]["cells"] == 6
    assert found["warnings"].count("measured: by hand") == 1
    assert "measured: said before" not in found["warnings"]
    assert found["statistics"]["horizons"][0]["horizon"] == 32


def test_it_is_strict_json(usual: Diagnosis) -> None:
    content = diagnosis_content(usual, include_text=True)
    read = json.loads(strict_json(content), parse_constant=pytest.fail)
    assert read["groups"][0]["gap_predicted"][0]["suboptimality"]["vf-bayes"]["estimate"] is None
    assert read["left_out"] == [{"dataset": "d", "model": "unverified", "unverified": 7}]


def test_text_is_left_out_unless_asked_for() -> None:
    traces = diagnosis(group(rows(text=SECRET, answer=SECRET)))
    assert SECRET not in strict_json(diagnosis_content(traces))
    (found,) = diagnosis_content(traces, include_text=True)["groups"]
    shown = found["examples"]
    assert {example["text"] for example in shown} == {SECRET}
    assert [example["correct"] for example in shown[:2]] == [True, False]


@pytest.mark.parametrize("missing", ["clone", "vote"])
def test_an_arm_that_was_not_measured(missing: str) -> None:
    traces = diagnosis(group(rows(), {**VALUES, missing: float("nan")}))
    (found,) = diagnosis_content(traces, verifier="exact")["groups"]
    assert (found["verdict"], found["reason"]) == ("undecided", "not_measured")
    assert np.isnan(found["probability"])
    assert missing not in found["arms"]
    assert found["next_steps"]


def test_nothing_was_held_out() -> None:
    """One prompt: there is no other to learn from."""
    traces = diagnosis(group(rows().filter(pl.col("prompt_id") == "prompt 3"), UNTAUGHT))
    (found,) = diagnosis_content(traces)["groups"]
    assert set(found["verdict"].values()) == {"undecided"}
    assert set(found["reason"].values()) == {"too_few"}
    assert found["gap_measured"] == []
    assert set(found["arms"]) == {"base", "expert", "vote", "exact"}
    strict_json(found)


def test_intervals_of_few_prompts() -> None:
    """Within what a return can be, and none where no prompt differs from another."""
    frame = rows(prompts=3, samples=4)
    few = group(frame)
    wide = replace(few, measurement=measurement(frame, spread=20.0))
    assert min(values.min() for values in wide.arms("exact").values()) < 0
    for arm in wide.measured.values():
        assert 0 <= arm.low <= arm.estimate <= arm.high <= HORIZONS[-1]
    flat = replace(few, measurement=measurement(frame, spread=0.0))
    assert np.isnan([(arm.low, arm.high) for arm in flat.measured.values()]).all()
    assert flat.measured["vote"].estimate == pytest.approx(VALUES["vote"])


def test_the_measurement_says_what_a_poor_table_does_to_the_arms() -> None:
    one = group(rows().filter(pl.col("prompt_id") == "prompt 3"), UNTAUGHT)
    says = "one prompt: no other is left to learn from"
    one = replace(one, measurement=replace(one.measurement, warnings=(says,)))
    (found,) = diagnosis_content(diagnosis(one))["groups"]
    assert any(warning.startswith("one prompt:") for warning in one.fit.warnings)
    assert [text for text in found["warnings"] if text.startswith("one prompt")] == [says]


def test_large_numbers_have_no_exponent() -> None:
    shown = [number(value) for value in (0.01234, 999.4, 999.7, 9041.0, -12345.0, 2e12)]
    assert shown == ["0.0123", "999", "1,000", "9,040", "-12,300", "2e+12"]


def test_prompts_with_most_to_gain(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    assert len(found["most_to_gain"]) == 5
    gains = [row["exact"] - row["base"] for row in found["most_to_gain"]]
    assert gains == sorted(gains, reverse=True)
