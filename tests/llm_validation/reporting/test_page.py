"""The page and the Markdown: what they say, and that traces cannot speak through them."""

import base64
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.reporting.builders import UNTAUGHT, diagnosis, group, rows
from tests.llm_validation.reporting.conftest import ATTACKS, page_of
from tests.llm_validation.reporting.reading import ALLOWED, Reader, text_of
from verigap.figures.diagnosis import draw_group, draw_overview
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.markdown import render_markdown
from verigap.llm_validation.reporting.page import render_page

FIGURES = ("accuracy", "spending", "training", "difficulty", "pass-at-k", "gap-data", "gap-budget",
           "phase", "heterogeneity", "coverage")  # fmt: skip


@pytest.fixture(scope="module")
def usual_page(usual: Diagnosis) -> str:
    return page_of(diagnosis_content(usual))


def test_the_decisions_come_first(usual: Diagnosis, usual_page: str) -> None:
    text = text_of(usual_page)
    (found,) = diagnosis_content(usual)["groups"]
    sentences = [
        text.index(found[name]["decision"]["accuracy"]["sentence"]) for name in ("select", "train")
    ]
    order = ["What to do next", "Accuracy against N and against the data",
             "Arms of selection at N = 4", "Accuracy of trained policies",
             "Prompts from hard to easy", "Theory: "]  # fmt: skip
    places = [text.index(heading) for heading in order]
    assert max(sentences) < places[0]
    assert places == sorted(places)
    assert "18 prompts, 144 graded samples; on 14 prompts some samples are right" in text
    assert "could be graded" in text  # the group that was left out
    assert found["select"]["decision"]["accuracy"]["price"] in text
    assert found["select"]["decision"]["accuracy"]["flips"] in text
    assert "a tenth of what an exact check adds to one sample" in text
    # What returns count, and what a leash is, is said where they first appear.
    assert text.index("A return counts tokens of correct trace") < text.index("What to do next")
    assert re.search(r"A leash of chi-square 1 bounds how far it may move", usual_page)


def test_it_needs_nothing_from_elsewhere(usual_page: str) -> None:
    read = Reader(usual_page)
    assert read.policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert read.tags <= ALLOWED
    assert all(address.startswith(("data:", "#")) for address in read.addresses)
    assert read.described_by <= set(read.identities)
    assert len(set(read.identities)) == len(read.identities)


def test_the_page_says_how_good_the_prediction_is(usual_page: str) -> None:
    text = text_of(usual_page)
    assert "“Predicted” is the parametric predictor." in text
    assert "no nearer to the gap of other prompts than the answer “no gap”" in text
    assert "d = 6 [3, 12] (calibrated)" in text


def test_the_box_of_training_says_what_theory_predicts(usual_page: str) -> None:
    box = usual_page[usual_page.index('<div class="box train">') :]
    box = box[: box.index("</div>")]
    # A tenth of H was predicted; verifying earns 20 and cloning 13 tokens on the leash.
    assert (
        "Theory counts returns (tokens of correct trace), not accuracy: for H = 64 and n = 64 it "
        "predicts that a policy that verifies earns 6.4 [5.4, 7.4] more tokens than one that "
        "clones; measured on these traces: 7 [" in text_of(box)
    )
    assert '<a href="#theory-0">How good that prediction is</a>' in box
    # Where the link leads is within the folded part, which opens.
    folded = usual_page.index("<summary>Theory")
    assert usual_page.index('id="theory-0"') > folded


def test_without_a_prediction_theory_is_silent_in_the_box(usual: Diagnosis) -> None:
    (whole,) = usual.groups
    assert whole.theory is not None
    unknown = Statistic(float("nan"), float("nan"), float("nan"))
    cells = tuple(replace(cell, gap=unknown) for cell in whole.theory.prediction.cells)
    silent = replace(whole.theory, prediction=replace(whole.theory.prediction, cells=cells))
    for theory in (silent, None):
        content = diagnosis_content(diagnosis(replace(whole, theory=theory)))
        assert "How good that prediction is" not in render_page(content, [[]])
    losing = tuple(replace(cell, gap=Statistic(-2.0, -3.0, -1.0)) for cell in cells)
    worse = replace(whole.theory, prediction=replace(whole.theory.prediction, cells=losing))
    (found,) = diagnosis_content(diagnosis(replace(whole, theory=worse)))["groups"]
    assert "earns 2 [1, 3] fewer tokens than one that clones" in found["theory"]["sentence"]
    tiny = tuple(replace(cell, gap=Statistic(3e-16, -1e-16, 1.0)) for cell in cells)
    none = replace(whole.theory, prediction=replace(whole.theory.prediction, cells=tiny))
    (found,) = diagnosis_content(diagnosis(replace(whole, theory=none)))["groups"]
    assert "earns 0 [0, 1] more tokens" in found["theory"]["sentence"]


def test_every_figure_is_there(usual_page: str) -> None:
    drawings = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', usual_page)
    assert len(drawings) == len(FIGURES)
    for drawing in drawings:
        svg = base64.b64decode(drawing).decode()
        assert "<svg" in svg
        assert "script" not in svg
    assert re.findall(r'<figure id="group-0-([^"]+)">', usual_page) == list(FIGURES)
    # The theory's figures are folded away with it.
    folded = usual_page.index("<summary>Theory")
    assert [usual_page.index(f'id="group-0-{name}"') > folded for name in FIGURES] == (
        [False] * 5 + [True] * 5
    )


def test_the_same_input_gives_the_same_bytes(usual: Diagnosis, usual_page: str) -> None:
    again = diagnosis(group(rows(), assumptions=usual.groups[0].assumptions))
    assert page_of(diagnosis_content(again)) == usual_page


def test_hostile_traces_stay_text(hostile_page: str) -> None:
    read = Reader(hostile_page)
    assert read.tags <= ALLOWED
    assert read.unbalanced == []
    assert not [name for name in read.attributes if name.startswith("on")]
    assert all(address.startswith(("data:", "#")) for address in read.addresses)
    # Shown, not dropped, and without the characters that hide or reorder.
    assert "&lt;script&gt;document.title=" in hostile_page
    assert "{{ 7 * 7 }}" in hostile_page
    assert not set("\u202e\u2066\x00\x1b") & set(hostile_page)


def test_no_text_of_a_trace_enters_a_figure(hostile: Diagnosis) -> None:
    for found in diagnosis_content(hostile, include_text=True)["groups"]:
        for figure in draw_group(found):
            assert not any(attack in figure.caption for attack in ATTACKS)
            assert b"owned" not in figure.svg


def test_markdown_is_short_and_escaped(hostile: Diagnosis) -> None:
    text = render_markdown(diagnosis_content(hostile))
    assert len(text.splitlines()) < 60
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[2:] == ["## The same prompts, other models"]
    compared = [
        line.partition(": At H")[0].removeprefix("- ")
        for line in text.splitlines()
        if ": At H" in line
    ]
    assert len(compared) == 1
    for heading in (*headings[:2], *compared):
        # No tag, link, image or code of theirs survives.
        assert not re.search(r"(?<!\\)[<>\[\]`*_!$]", heading)
        assert ATTACKS[-1][:50] in heading
    for words in ("**Select**: ", "**Train**: ", "**An exact check**: "):
        assert text.count(words) == 2


def test_a_group_without_numbers_is_still_a_page() -> None:
    frame = rows(correct=False).drop("first_correct")
    bare = diagnosis(group(frame, values=UNTAUGHT, log2_class_size=float("nan")))
    page = page_of(diagnosis_content(bare))
    assert "No sample is right, so there is nothing to choose on these 18 prompts." in page
    assert "No sample is correct within H = 64" in page
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]+"', "", page))


def test_an_undecided_group_names_the_price_of_a_choice() -> None:
    """No arm was chosen, but what there is to choose among takes as much for all."""
    few = rows(prompts=12).filter(pl.col("prompt_id").is_in([f"prompt {p}" for p in range(9)]))
    text = text_of(page_of(diagnosis_content(diagnosis(group(few, theory=False)))))
    assert text.count("Undecided: only 7 prompts have both") == 2
    assert "One sample takes 40 tokens a prompt, 4 samples take 160 tokens." in text
    assert "Training takes 64 traces, 2,560 tokens; all but an expert" in text
    assert "would settle it" in text


def test_a_comparison_keeps_its_columns() -> None:
    """Where one pair has no answers to vote over, its cell says so."""
    plain = rows(model="c").drop("answer")
    traces = diagnosis(
        *(group(frame, theory=False) for frame in (rows(model="a"), rows(model="b"), plain))
    )
    content = diagnosis_content(traces)
    assert [len(pair["differences"]) for pair in content["comparisons"]] == [3, 2, 2]
    page = page_of(content)
    table = page[page.index("The same prompts, other models") :]
    table = table[: table.index("</table>")]
    lines = re.findall(r"<tr>.*?</tr>", table, flags=re.DOTALL)
    assert [len(re.findall(r"<t[hd]\b", line)) for line in lines] == [8] * 4
    assert table.count("no answers") == 2
    assert table.count("64 tokens") == 3


def test_long_tables_of_prompts_are_cut() -> None:
    content = diagnosis_content(diagnosis(group(rows(), theory=False)))
    difficulty = content["groups"][0]["difficulty"]
    difficulty["rows"] = [
        row | {"prompt_id": f"q{i}"} for i, row in enumerate(30 * difficulty["rows"])
    ]
    page = page_of(content)
    assert "The first 500 of 540 prompts" in page
    assert "q499" in page
    assert "q500<" not in page


@pytest.mark.parametrize(
    ("currency", "worth", "gain"),
    [
        ("accuracy", "accuracy", "points beyond the base"),
        ("return", "tokens of correct trace", "tokens of correct trace beyond the base"),
    ],
)
def test_charts_are_in_the_currency_of_the_boxes(
    usual: Diagnosis, currency: str, worth: str, gain: str
) -> None:
    (found,) = diagnosis_content(usual, currency=currency)["groups"]
    left, right = draw_overview([found]).axes
    assert (left.get_ylabel(), right.get_ylabel()) == (worth, gain)
    (exact,) = (line for line in left.get_lines() if line.get_label() == "exact check")
    curve = [row["estimate"] for row in found["select"]["curves"][currency]["exact"]]
    np.testing.assert_allclose(np.asarray(exact.get_ydata()), curve)
    captions = {figure.name: figure.caption for figure in draw_group(found)}
    other = "accuracy" if currency == "return" else "correct trace"
    for name in ("accuracy", "training"):
        assert other not in captions[name].lower()
    counted = "returns" if currency == "return" else "accuracy"
    assert f"measured on these traces, in {counted}, and may" in captions["phase"]


def test_the_overview_draws_every_group(usual: Diagnosis) -> None:
    two = diagnosis(group(rows(), theory=False), *usual.groups)
    figure = draw_overview(diagnosis_content(two)["groups"])
    assert len(figure.axes) == 4
    assert [axis.get_ylabel() for axis in figure.axes[:2]] == ["accuracy", "points beyond the base"]
