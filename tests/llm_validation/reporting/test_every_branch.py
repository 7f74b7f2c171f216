"""Every branch of the templates: pages of every kind of table parse, and say only words."""

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from matplotlib.figure import Figure

from tests.llm_validation.reporting.builders import UNTAUGHT, diagnosis, group, rows
from tests.llm_validation.reporting.conftest import page_of
from tests.llm_validation.reporting.reading import Reader, text_of
from verigap.cli.tables.diagnose import show_diagnosis
from verigap.figures.diagnosis import draw_group
from verigap.llm_validation.deciding import Prices
from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.markdown import render_markdown
from verigap.llm_validation.reporting.page import render_page
from verigap.storage.files import strict_json

# Names of methods of a dictionary, which a template may mistake for a key.
METHODS = ("clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault",
           "update", "values")  # fmt: skip
ALL_PRICES = Prices(per_mtok=2.0, in_per_mtok=1.0, prompt_tokens=90, gpu_hour=3.0,
                    tokens_per_second=900, label_cost=0.5, check_cost=0.01)  # fmt: skip
NO_WORDS = re.compile(
    r"built-in|bound method|Undefined|object at 0x|\{'|\bNone\b|\bTrue\b|\bFalse\b|"
    r"\bnan\b|\bNaN\b|\binf\b|\[unknown|of unknown| unknown (tokens|words|a prompt)"
)

FEW = pl.col("prompt_id").is_in([f"prompt {p}" for p in range(4)])
THIRD = pl.col("sample_id") == 2
SCORED = rows().with_columns(verifier_score=pl.col("sample_id") % 3 / 3)
PEAKED = rows().with_columns(
    # The first sample of a prompt is wrong and has the highest score.
    correct=pl.col("sample_id") > 0,
    first_correct=pl.when(pl.col("sample_id") > 0).then(30),
    verifier_score=pl.when(pl.col("sample_id") == 0).then(2.0).otherwise(1.0),
)

TABLES: dict[str, Callable[[], Diagnosis]] = {
    "usual": lambda: diagnosis(group(rows(text="1 + 1 = 2"))),
    "assumptions": lambda: diagnosis(
        group(rows(), assumptions=(Assumption("unit", "fails", "In words.", "Mend it."),
                                   Assumption("bi_level", "unchecked", "Taken.")))),
    "plain": lambda: diagnosis(group(rows().select("prompt_id", "correct"), horizon=None)),
    "plain, horizon given": lambda: diagnosis(group(rows().select("prompt_id", "correct"))),
    "no answers": lambda: diagnosis(group(rows().drop("answer"))),
    "no lengths but answers": lambda: diagnosis(
        group(rows().drop("n_tokens", "first_correct"), horizon=None)),
    "first correct alone": lambda: diagnosis(group(rows().drop("n_tokens"), horizon=None)),
    "some lengths": lambda: diagnosis(
        group(rows().drop("first_correct").with_columns(
            n_tokens=pl.when(pl.col("sample_id") > 5).then(40)), horizon=None)),
    "words": lambda: diagnosis(group(rows(unit="words"))),
    "score": lambda: diagnosis(group(SCORED)),
    "falls": lambda: diagnosis(group(PEAKED, theory=False)),
    "one prompt": lambda: diagnosis(group(rows().filter(pl.col("prompt_id") == "prompt 3"),
                                          values=UNTAUGHT)),
    "one plain prompt": lambda: diagnosis(
        group(rows(prompts=1).select("prompt_id", "correct"), horizon=None)),
    "few prompts": lambda: diagnosis(group(rows().filter(FEW))),
    "all right": lambda: diagnosis(group(rows(correct=True, first_correct=5))),
    "all wrong": lambda: diagnosis(group(rows(correct=False).drop("first_correct"),
                                         values=UNTAUGHT, log2_class_size=float("nan"))),
    "one sample": lambda: diagnosis(group(rows(samples=1))),
    "N of 1": lambda: diagnosis(group(rows(), num_candidates=1)),
    "beyond": lambda: diagnosis(group(rows(), num_candidates=100, theory=False)),
    "unequal": lambda: diagnosis(group(rows().filter(
        (pl.col("prompt_id") < "prompt 2") | (pl.col("sample_id") < 5)))),
    "ungraded": lambda: diagnosis(group(rows().with_columns(
        correct=pl.when(~THIRD).then("correct"),
        first_correct=pl.when(~THIRD).then("first_correct")))),
    "lost": lambda: diagnosis(group(rows().with_columns(
        correct_at_end=pl.col("correct") & (pl.col("sample_id") > 4)))),
    "several": lambda: diagnosis(
        group(rows(model="a")), group(rows(model="b").drop("answer"), theory=False),
        group(rows("e", model="c").select("dataset", "model", "prompt_id", "correct"),
              horizon=None)),
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "everything": {"include_text": True, "prices": ALL_PRICES, "spend": 0.02,
                   "verifier": "exact"},
    "tokens": {"spend": 100.0, "verifier": "learned", "currency": "return"},
    "too little": {"spend": 1e-9, "prices": Prices(check_cost=1.0), "verifier": "score"},
    "labels": {"prices": Prices(label_cost=0.25), "include_text": True},
    "free": {"prices": Prices(per_mtok=0.0), "spend": 1.0},
}  # fmt: skip


WRITTEN = ("usual", "plain", "one prompt", "several")
OFTEN = ("usual", "plain", "one prompt", "lost", "score")
"""Kinds that differ most; the others take a minute together."""


def laid_out(figure: Figure, file: BytesIO, **_: Any) -> None:
    """In place of `savefig`: all of a figure but its exact places, in half the time."""
    figure.set_layout_engine("none")
    figure.draw_without_rendering()
    file.write(b"<svg></svg>")


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(name, marks=() if name in OFTEN else pytest.mark.long, id=name)
        for name in TABLES
    ],
)
def test_a_page_of_every_kind(
    table: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if table not in WRITTEN:
        monkeypatch.setattr(Figure, "savefig", laid_out)
    traces = TABLES[table]()
    for name, options in OPTIONS.items():
        content = diagnosis_content(traces, **options)
        json.loads(strict_json(content), parse_constant=pytest.fail)
        # Drawing takes most of the time, and knows little of the options.
        drawn = name == "nothing" or (name == "everything" and table in ("usual", "plain"))
        figures = [draw_group(each) if drawn else [] for each in content["groups"]]
        page = render_page(content, figures)
        read = Reader(page)
        assert read.unbalanced == [], name
        assert len(set(read.identities)) == len(read.identities), name
        assert read.described_by <= set(read.identities), name
        show_diagnosis(content, Path(__file__))
        shown = {
            "page": text_of(page),
            "captions": " ".join(re.findall(r'alt="([^"]*)"', page)),
            "markdown": render_markdown(content),
            "terminal": capsys.readouterr().out,
        }
        for where, text in shown.items():
            found = NO_WORDS.search(text)
            assert found is None, f"{name}, {where}: {text[max(0, found.start() - 80) :][:160]}"
        # N and n are numbers in a sentence of a decision.
        for group_ in content["groups"]:
            for part in (group_["select"], group_["train"]):
                for decision in () if part is None else part["decision"].values():
                    assert not re.search(r"\b[Nn]\b", decision["sentence"]), name


def test_prompts_and_models_named_like_methods() -> None:
    """A key that a dictionary has as a method, too, prints its value."""
    names = pl.Series("prompt_id", [METHODS[p % 11] + "x" * (p // 11) for p in range(18)])
    frame = rows(dataset="items", model="clear", text="the text").with_columns(
        prompt_id=pl.Series([name for name in names for _ in range(8)])
    )
    content = diagnosis_content(diagnosis(group(frame)), include_text=True)
    page = page_of(content)
    assert NO_WORDS.search(text_of(page)) is None
    assert "items · clear" in text_of(page)
    for name in METHODS:
        assert f"<summary><bdi>{name}</bdi></summary>" in page
    assert page.count("the text") == 36


def test_templates_read_no_attribute_of_a_dictionary() -> None:
    """`row.items` would be a method; `row["items"]` is the value."""
    from importlib.resources import files

    folder = files("verigap.llm_validation.reporting") / "templates"
    # What is no dictionary: the loop, a figure, and methods that are called.
    known = r"loop\.|figure\.|\.keys\(\)|\.items\(\)|\.format\("
    for template in folder.iterdir():
        if not template.name.endswith(".html.j2"):
            continue
        for code in re.findall(r"\{[{%].*?[%}]\}", template.read_text(), flags=re.DOTALL):
            bare = re.sub(r'"[^"]*"', '""', re.sub(r'"parts\.html\.j2"', "", code))
            left = re.sub(known, "", bare)
            assert not re.search(r"[\w\])]\.[a-z_]", left), code
