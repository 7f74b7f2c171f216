"""Erring verifiers: edges are drawn where they were solved, and checks where they were measured."""

import json

import numpy as np
import pytest

from tests.figures.drawn import xy
from verigap.figures import erring_verifiers
from verigap.figures.style import VB, styled
from verigap.theory.check_or_vote import checked_success, vote_success
from verigap.theory.frontier import MARGIN
from verigap.theory.risks import all_or_nothing, leashed_shares, noisy_label_share


def _check(threshold: float, rates: tuple[float, float], measured: float) -> dict:
    return {
        "threshold": threshold, "false_positive": rates[0], "false_negative": rates[1],
        "frontier": 0.5, "measured": measured, "vote": 0.3,
    }  # fmt: skip


def _pool(dataset: str, model: str, checks: list[dict]) -> dict:
    return {
        "dataset": dataset, "model": model, "prompts": 7, "vote": 0.3,
        "false_positive": [0.0, 0.5, 1.0],
        "false_negative": [0.9, 0.4, None], "checks": checks,
    }  # fmt: skip


PLANES = {
    "laws": [
        {
            "answers": list(answers), "num_candidates": n, "errors": errors,
            "false_positive": [0.0, 0.5, 1.0],
            "false_negative": [0.8, 0.1 if errors == "fresh" else None, None],
        }
        for answers, n in ((erring_verifiers.LAW, 4), (erring_verifiers.MISLED, 16))
        for errors in ("fresh", "systematic")
    ],
    "pools": [
        _pool("code", "m", [_check(0.5, (0.1, 0.4), 0.2), _check(1.0, (0.0, 0.6), 0.4)]),
        _pool("sums", "m", []),
        _pool("game24", "gpt-4-cot", []),
        _pool("game24", "gpt-4-io", []),
    ],
    "game": {
        "data_budget": [4, 16, 256],
        "rate": 0.2,
        "equal": {"10": [0.1, 0.2, 0.3], "20": [None, 0.2, 0.3], "40": [None, None, 0.1]},
        "cloning": [None, 0.3, 0.4],
        "verifying": [None, 0.1, 0.2],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def axes():
    with styled():
        return erring_verifiers.draw({"planes": PLANES}).axes


def _line(axis, label: str):
    (line,) = [line for line in axis.get_lines() if line.get_label() == label]
    return line


def test_lines_end_where_there_is_no_crossing(axes) -> None:
    np.testing.assert_array_equal(xy(_line(axes[0], "$N=4$"))[1], [0.8, 0.1, np.nan])
    dashed = [line for line in axes[0].get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_array_equal(xy(dashed[0])[1], [0.8, np.nan, np.nan])
    assert _line(axes[0], "$N=16$, vote misled").get_color() != VB
    np.testing.assert_array_equal(xy(_line(axes[2], "$d=40$"))[1], [np.nan, np.nan, 0.1])


def test_checks_are_filled_where_they_are_measured_ahead(axes) -> None:
    marks = [line for line in axes[1].get_lines() if line.get_marker() == "D"]
    assert [tuple(float(v[0]) for v in xy(mark)) for mark in marks] == [(0.1, 0.4), (0.0, 0.6)]
    assert [mark.get_markerfacecolor() for mark in marks] == ["white", VB]
    assert {text.get_text() for text in axes[1].texts} >= {"0.5", "1"}


def test_models_of_one_dataset_are_told_apart(axes) -> None:
    labels = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert labels == ["code", "sums", "game24, GPT-4 CoT", "game24, GPT-4 IO"]
    lines = [_line(axes[1], label) for label in labels[2:]]
    assert lines[0].get_color() == lines[1].get_color()
    assert [line.get_linestyle() for line in lines] == ["-", "--"]


def test_the_caption_counts_what_is_measured() -> None:
    text = erring_verifiers.caption({"planes": PLANES})
    assert "1 of 2, though 1 lie below the line" in text
    assert "GPT-4 CoT on game24 (7 prompts)" in text


@pytest.mark.long
def test_stored_edges_have_the_values_they_stand_for() -> None:
    """On what the gallery is drawn from."""
    from pathlib import Path

    root = Path(__file__).parents[2]
    stored = json.loads((root / "docs/runs/figure-erring-verifiers.json").read_text())["content"]
    for law in stored["laws"]:
        edge = np.asarray(law["false_negative"], float)
        known = np.isfinite(edge)
        assert known.sum() > 5
        answers, n = law["answers"], law["num_candidates"]
        found = checked_success(
            answers, n, np.asarray(law["false_positive"])[known], edge[known], errors=law["errors"]
        )
        np.testing.assert_allclose(found, vote_success(answers, n), atol=1e-5)
    success, expert = erring_verifiers.SUCCESS, erring_verifiers.EXPERT
    game, level = stored["game"], {"cloning": -MARGIN, "verifying": MARGIN}
    for side, lead in level.items():
        for n, noise in list(zip(game["data_budget"], game[side], strict=True))[::5]:
            if noise is not None:
                cloning = leashed_shares(*all_or_nothing(success, expert), n, 20.0).cloning
                share = noisy_label_share(success, noise, n, 20.0)
                assert share - cloning == pytest.approx(lead, abs=1e-4)
