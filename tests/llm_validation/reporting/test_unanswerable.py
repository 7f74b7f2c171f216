"""What a table cannot tell is refused before the work."""

from functools import cache
from typing import Any

import polars as pl
import pytest

from verigap.llm_validation.deciding import Prices
from verigap.llm_validation.reporting.unanswerable import refuse_unanswerable
from verigap.llm_validation.traces import Traces, load_traces
from verigap.storage.tables import TableError

EXAMPLE = "examples/smollm2_products.parquet"
# What a question needs, where it is not answered.
RETURNS = "currency: returns are not known, as the table has no lengths or, of some right samples"
BUDGET = "horizons: cannot be applied, as the table has no lengths; fill n_tokens, or leave the"
SPENDING = "spend: nothing is known of what a prompt takes, as the table has no lengths; fill n_t"


@cache
def example() -> pl.DataFrame:
    return load_traces(EXAMPLE).frame


def test_a_budget_needs_lengths() -> None:
    frame = example()
    without = frame.with_columns(
        n_tokens=pl.lit(None, frame["n_tokens"].dtype),
        first_correct=pl.lit(None, frame["first_correct"].dtype),
    )
    asked = {"currency": "accuracy", "prices": None, "spend": None}
    with pytest.raises(TableError, match="horizons: cannot be applied, as the table has no length"):
        refuse_unanswerable(Traces(without), horizons=[20], **asked)
    refuse_unanswerable(Traces(without), horizons=None, **asked)
    refuse_unanswerable(Traces(frame), horizons=[20], **asked)


def lacking(*columns: str, rows: pl.Expr | None = None) -> Traces:
    """Some rows of the example, or all, without what some columns hold."""
    frame = example().filter(pl.col("prompt_id").rank("dense") <= 4)
    without = pl.lit(value=True) if rows is None else rows
    return Traces(frame.with_columns(pl.when(~without).then(pl.col(name)).alias(name)
                                     for name in columns))  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "asked", "refused"),
    [
        ((), {"currency": "return", "spend": 9.0, "horizons": [20]}, None),
        (("n_tokens", "first_correct"), {"currency": "return"}, RETURNS),
        (("n_tokens",), {"horizons": [20]}, None),
        (("n_tokens",), {"spend": 9.0}, SPENDING),
        (("n_tokens",), {"spend": 9.0, "prices": Prices(per_mtok=1.0)}, SPENDING),
        # Checks alone are paid by their number.
        (("n_tokens",), {"spend": 9.0, "prices": Prices(check_cost=1.0)}, None),
        (("n_tokens",), {"spend": 9.0, "prices": Prices(label_cost=1.0)}, SPENDING),
        (("n_tokens", "first_correct"), {"horizons": [9, 20], "spend": 9.0}, BUDGET),
        (("first_correct",), {"spend": 9.0, "horizons": [20]}, None),
        # Nothing of it can be told, and nothing is asked.
        (("n_tokens", "first_correct"), {}, None),
        (("correct", "first_correct"), {"currency": "return", "spend": 9.0}, None),
    ],
)
def test_what_a_question_needs(
    columns: tuple[str, ...], asked: dict[str, Any], refused: str | None
) -> None:
    question = {"currency": "accuracy", "prices": None, "spend": None, "horizons": None} | asked
    traces = lacking(*columns)
    if refused is None:
        refuse_unanswerable(traces, **question)
    else:
        with pytest.raises(TableError) as told:
            refuse_unanswerable(traces, **question)
        assert str(told.value).startswith(refused)
