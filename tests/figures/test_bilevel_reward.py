"""The figure bilevel-reward: the area under each drawn reward is the trace's return."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.drawn_axes import drawn_axes
from verigap.figures import bilevel_reward
from verigap.figures.style import VB
from verigap.llm_validation.traces import Traces
from verigap.storage.tables import save_frame

FIRST = (None, 90, 10, 30)


def _group():
    traces = [{"sample": i, "first_correct": first, "length": 50} for i, first in enumerate(FIRST)]
    return {
        "dataset": "all/set", "model": "m.q4", "unit": "tokens", "prompt": "p", "samples": 9,
        "correct": 3, "horizon": 96, "mean": 12.0, "sd": 24.0, "traces": traces,
    }  # fmt: skip


def test_the_area_is_the_return() -> None:
    (axis,) = drawn_axes(bilevel_reward, {"traces": [_group()]})
    steps = [line.get_xydata() for line in axis.lines if line.get_color() == VB]
    assert len(steps) == len(FIRST)
    for step, first in zip(steps, FIRST, strict=True):
        foot, top = step[0, 1], step[-1, 1]
        if first is None:
            assert foot == top
            continue
        area = np.trapezoid(step[:, 1] - foot, step[:, 0]) / (top - foot)
        assert area == pytest.approx(96 - first + 1)
        assert f"$J={96 - first + 1}$" in [text.get_text() for text in axis.texts]


def test_the_caption_says_what_was_drawn() -> None:
    text = bilevel_reward.caption({"traces": [_group()]})
    assert "m.q4 on set, prompt p: 3 of 9 samples are correct within H = 96 tokens" in text
    assert "sd/H 0.25" in text


def test_the_prompt_whose_returns_vary_most_is_chosen(tmp_path: Path) -> None:
    first = {"even": [20, 20, 21, None], "wide": [60, 1, 30, None]}
    rows = [
        {"dataset": "game24", "model": "gpt-4-cot", "prompt_id": prompt, "sample_id": i,
         "correct": at is not None, "first_correct": at, "n_tokens": 70}
        for prompt, each in first.items()
        for i, at in enumerate(each)
    ]  # fmt: skip
    path = tmp_path / "t.parquet"
    save_frame(Traces(pl.DataFrame(rows)).frame, path)
    for group in bilevel_reward.NEEDS["traces"].compute([path, path], False):
        assert (group["prompt"], group["correct"]) == ("wide", 3)
        assert [trace["sample"] for trace in group["traces"]] == [1, 2, 0, 3]
