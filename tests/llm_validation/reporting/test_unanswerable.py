"""What a table cannot tell is refused before the work."""

import polars as pl
import pytest

from verigap.llm_validation.reporting.unanswerable import refuse_unanswerable
from verigap.llm_validation.traces import Traces, load_traces
from verigap.storage.tables import TableError

EXAMPLE = "examples/smollm2_products.parquet"


def test_a_budget_needs_lengths() -> None:
    frame = load_traces(EXAMPLE).frame
    without = frame.with_columns(
        n_tokens=pl.lit(None, frame["n_tokens"].dtype),
        first_correct=pl.lit(None, frame["first_correct"].dtype),
    )
    asked = {"currency": "accuracy", "prices": None, "spend": None}
    with pytest.raises(TableError, match="horizons: cannot be applied, as the table has no length"):
        refuse_unanswerable(Traces(without), horizons=[20], **asked)
    refuse_unanswerable(Traces(without), horizons=None, **asked)
    refuse_unanswerable(Traces(frame), horizons=[20], **asked)
