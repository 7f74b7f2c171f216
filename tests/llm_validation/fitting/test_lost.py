"""Both readings of traces that lose their right answer again."""

from __future__ import annotations

import polars as pl
import pytest

from verigap.llm_validation.fitting.content import as_content
from verigap.llm_validation.fitting.fit import fit
from verigap.llm_validation.measuring.content import as_content as measured_content
from verigap.llm_validation.measuring.measure import measure
from verigap.llm_validation.predicting.content import as_content as predicted_content
from verigap.llm_validation.predicting.predict import Options, predict
from verigap.llm_validation.traces import Traces


def traces(lost: int) -> Traces:
    """Four prompts of four samples, two of them correct, of which `lost` end wrong."""
    rows = [
        {
            "prompt_id": f"p{prompt}",
            "correct": sample < 2,
            "correct_at_end": lost <= sample < 2,
            "first_correct": 3 + sample if sample < 2 else None,
            "n_tokens": 10,
        }
        for prompt in range(4)
        for sample in range(4)
    ]
    return Traces(pl.DataFrame(rows))


def test_both_readings_are_given() -> None:
    result = fit(traces(1), [12], replicates=100)
    content = as_content(result)["groups"][0]["lost_correctness"]
    assert (content["lost"], content["correct"]) == (4, 8)
    assert content["mean_correct"] == pytest.approx({"at_some_place": 0.5, "at_end": 0.25})
    assert content["pass_at_k"]["2"] == pytest.approx({"at_some_place": 5 / 6, "at_end": 0.5})
    assert as_content(fit(traces(0), [12], replicates=100))["groups"][0]["lost_correctness"] is None


@pytest.mark.long
@pytest.mark.parametrize(("lost", "status"), [(0, "holds"), (1, "fails"), (None, "unchecked")])
def test_every_stage_says_in_json_whether_returns_are_bi_level(
    lost: int | None, status: str
) -> None:
    samples = traces(lost or 0)
    if lost is None:
        samples = Traces(samples.frame.drop("correct_at_end"))
    fitted = as_content(fit(samples, [12], replicates=100))
    measured = measured_content(measure(samples, [12], data_budgets=[16], seeds=2))
    predicted = predicted_content(predict(samples, [12], [16], Options(log2_class_size=4.0)))
    for content in (fitted, measured, predicted):
        (group,) = content["groups"]
        assert group["bi_level"] == status
        assert (group["lost_correctness"] is not None) == (status == "fails")


def test_every_stage_says_it() -> None:
    said = "4 of 8 correct traces lose their right answer again"
    (fitted,) = fit(traces(1), [12], replicates=100).groups
    (measured,) = measure(traces(1), [12], data_budgets=[16], seeds=2)
    (predicted,) = predict(traces(1), [12], [16], Options(log2_class_size=4.0))
    for stage in (fitted, measured, predicted):
        assert sum(warning.startswith(said) for warning in stage.warnings) == 1
