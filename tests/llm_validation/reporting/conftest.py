"""One diagnosis made by hand, and a hostile one, that several tests look at."""

from typing import Any

import polars as pl
import pytest

from tests.llm_validation.reporting.builders import diagnosis, group, rows
from verigap.figures.diagnosis import draw_group
from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.page import render_page

ATTACKS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "</pre></bdi></style><iframe src=https://example.org>",
    "[x](javascript:alert(1)) ![y](https://example.org/y.png)",
    "{{ 7 * 7 }}{% raw %}$\\alpha$",
    "\u202egnp.exe\x00\x1b[31m\u2066",
    "l" * 400,
)


def hostile_rows() -> pl.DataFrame:
    """Every text of a trace that reaches the report tries to get out."""
    attack = " ".join(ATTACKS)
    return rows(dataset=attack, model=ATTACKS[0], text=attack, answer=attack).with_columns(
        prompt_id=pl.col("prompt_id") + attack
    )


@pytest.fixture(scope="session")
def usual() -> Diagnosis:
    """One group, of which an assumption fails."""
    unchecked = Assumption("bi_level", "unchecked", "A trace stays correct.")
    fails = Assumption(
        "unit", "fails", "Lengths are in words.", "Import with the model's tokenizer."
    )
    return diagnosis(group(rows(), assumptions=(fails, unchecked)))


@pytest.fixture(scope="session")
def hostile() -> Diagnosis:
    """Traces that attack their reader, by two models."""
    first = hostile_rows()
    second = first.with_columns(model=pl.lit(ATTACKS[1]))
    return diagnosis(group(first), group(second), source=ATTACKS[1])


@pytest.fixture(scope="session")
def hostile_page(hostile: Diagnosis) -> str:
    """Their page, with their text."""
    return page_of(diagnosis_content(hostile, include_text=True))


def page_of(content: dict[str, Any]) -> str:
    """The page with its figures."""
    return render_page(content, [draw_group(each) for each in content["groups"]])
