"""Budgets that nobody named are the same for every command."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from verigap.llm_validation import fit, reward_laws
from verigap.llm_validation.budgets import chosen_horizons, sampling_limit, usual_horizons
from verigap.llm_validation.measuring.measure import default_horizons
from verigap.llm_validation.pools import sample_pools
from verigap.llm_validation.traces import Traces, load_traces

EXAMPLES = Path(__file__).parents[2] / "examples"


def small(name: str, samples: int = 4) -> Traces:
    rank = pl.col("sample_id").rank("ordinal").over("dataset", "model", "prompt_id")
    traces = load_traces(EXAMPLES / f"{name}.parquet")
    return Traces(traces.frame.filter(rank <= samples), name)


@pytest.mark.parametrize(
    "name",
    ["smollm2_products", "game24_gpt4", "lean_minif2f", "humaneval_codegen16b", "llama3b_math"],
)
def test_the_rule_is_that_of_a_diagnosis(name: str) -> None:
    traces = small(name, 24)
    chosen = {(each.dataset, each.model): each.horizons for each in chosen_horizons(traces)}
    pools = sample_pools(traces, placed=False)
    assert chosen == {(each.dataset, each.model): default_horizons(each) for each in pools}


def test_fit_and_laws_choose_for_each_group() -> None:
    traces = small("game24_gpt4")
    cot, io = chosen_horizons(traces)
    assert cot.horizons != io.horizons
    fitted = fit(traces, replicates=100)
    assert [group.horizons_chosen for group in fitted.groups] == [cot, io]
    for group, chosen in zip(fitted.groups, (cot, io), strict=True):
        assert tuple(each.horizon for each in group.horizon_fits) == chosen.horizons
    table, report = reward_laws(traces)
    assert report.horizons_chosen == (cot, io)
    for chosen in (cot, io):
        rows = table.frame.filter(model=chosen.model)
        assert tuple(rows["horizon"].unique().sort()) == chosen.horizons
        given = reward_laws(
            Traces(traces.frame.filter(model=chosen.model), "one"), chosen.horizons
        ).table
        assert rows.equals(given.frame)


def test_given_budgets_are_not_called_chosen() -> None:
    traces = small("game24_gpt4")
    assert reward_laws(traces, [64]).report.horizons_chosen == ()
    assert {group.horizons_chosen for group in fit(traces, [64], replicates=100).groups} == {None}


def test_the_reason_says_what_the_budgets_are() -> None:
    lengths = np.array([10.0, 20.0, 30.0, 100.0])
    horizons, reason = usual_horizons(lengths, 100.0, None)
    assert horizons == (32, 80, 100)
    assert reason == (
        "the median 25 and the 90 % quantile 79 of the lengths, rounded up to multiples of 8, and "
        "the longest trace, 100"
    )
    assert "the sampling limit, 128" in usual_horizons(lengths, 128.0, 128)[1]
    assert usual_horizons(np.array([]), float("nan"), None)[0] == (64,)


def test_a_limit_that_arrives_as_text_is_a_limit() -> None:
    traces = small("smollm2_products")

    def limit(sampling: str) -> int | None:
        rows = traces.frame.with_columns(sampling=pl.lit(sampling))
        return sampling_limit(rows)

    assert limit('{"max_tokens": "200"}') == limit('{"max_tokens": 200}') == 200
    for nothing in ('{"max_tokens": "many"}', '{"max_tokens": true}', '{"max_tokens": "-1"}', "{}"):
        assert limit(nothing) is None
