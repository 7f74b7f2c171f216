"""A random part of the prompts of a large table: which, of how many, and that it is told."""

import polars as pl
import pytest

from verigap.llm_validation.measuring.measure import measure
from verigap.llm_validation.pools.drawn_prompts import draw_prompts
from verigap.llm_validation.pools.pools import sample_pools
from verigap.llm_validation.predicting.predict import Options, predict
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnose import diagnose
from verigap.llm_validation.traces import Traces
from verigap.storage.tables import TableError


def table(model: str = "a", prompts: int = 60, ungraded: int = 0) -> pl.DataFrame:
    """Four samples a prompt, of which one to three are right; the last prompts have no verdict."""
    cells = [(prompt, sample) for prompt in range(prompts) for sample in range(4)]
    return pl.DataFrame(
        {
            "dataset": "d",
            "model": model,
            "prompt_id": [f"{prompt:03d}" for prompt, _ in cells],
            "correct": [
                None if prompt >= prompts - ungraded else sample <= prompt % 3
                for prompt, sample in cells
            ],
            "n_tokens": [10 + sample for _, sample in cells],
        },
        schema_overrides={"correct": pl.Boolean},
    )


def prompts_of(traces: Traces, model: str) -> set[str]:
    rows = traces.frame.filter(pl.col("model") == model, pl.col("correct").is_not_null())
    return set(rows["prompt_id"])


def test_a_small_table_is_taken_whole() -> None:
    traces = Traces(table())
    drawn = draw_prompts(traces, 60, seed=0)
    assert drawn.traces is traces
    assert sample_pools(traces)[0] is not None
    assert drawn.marked(sample_pools(traces)[0]).drawn_from is None


def test_models_of_a_dataset_get_the_same_prompts() -> None:
    # The third has fewer than are wanted, and the second lacks some that the first has.
    frames = [table("a"), table("b").filter(pl.col("prompt_id") > "004"), table("c", prompts=12)]
    drawn = draw_prompts(Traces(pl.concat(frames)), 20, seed=3)
    chosen = {model: prompts_of(drawn.traces, model) for model in "abc"}
    assert [len(chosen[model]) for model in "abc"] == [20, 20, 12]
    assert len(chosen["a"] & chosen["b"]) >= 18
    assert drawn.drawn_from == {("d", "a"): 60, ("d", "b"): 55}
    again = draw_prompts(Traces(pl.concat(frames)), 20, seed=3)
    assert again.traces.frame.equals(drawn.traces.frame)
    other = draw_prompts(Traces(pl.concat(frames)), 20, seed=4)
    assert prompts_of(other.traces, "a") != chosen["a"]
    # Every sample of a prompt that is drawn is there.
    assert drawn.traces.num_samples == 4 * (20 + 20 + 12)


def test_prompts_are_drawn_evenly() -> None:
    counts = dict.fromkeys(sorted(prompts_of(Traces(table()), "a")), 0)
    for seed in range(200):
        for prompt in prompts_of(draw_prompts(Traces(table()), 30, seed).traces, "a"):
            counts[prompt] += 1
    # Each of 60 with a binomial law of 200 draws at 1/2: beyond 60 to 140 with p < 1e-6.
    assert 60 < min(counts.values()) <= max(counts.values()) < 140


def test_what_has_no_verdict_is_still_counted() -> None:
    drawn = draw_prompts(Traces(table(ungraded=5)), 20, seed=0)
    (pools,) = map(drawn.marked, sample_pools(drawn.traces))
    assert (pools.prompts, pools.drawn_from) == (20, 55)
    assert (pools.left_out, pools.unverified) == (5, 20)


@pytest.mark.long
def test_it_is_told_wherever_it_is_done() -> None:
    traces = Traces(table())
    (measured,) = measure(traces, [12], data_budgets=[16], seeds=2, most_prompts=30)
    assert "30 of 60 prompts with a verified sample were drawn at random" in measured.warnings[0]
    (predicted,) = predict(traces, [12], [16], Options(log2_class_size=4.0), most_prompts=30)
    assert "made from 30 of 60 prompts" in predicted.warnings[0]
    for most, told in ((30, 1), (60, 0)):
        found = diagnose(traces, [12], [16], most_prompts=most)
        (content,) = diagnosis_content(found)["groups"]
        notes = [note for note in content["warnings"] if note.startswith("30 of 60 prompts")]
        assert (len(notes), content["prompts"]) == (told, most)
        # Statistics are of all prompts.
        assert content["statistics"]["prompts"] == 60


@pytest.mark.parametrize("most", [1, 0, -3])
def test_too_few_are_refused(most: int) -> None:
    with pytest.raises(TableError, match="most_prompts"):
        draw_prompts(Traces(table()), most, seed=0)
