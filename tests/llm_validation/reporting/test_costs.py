"""What report.json says of costs and of what can be had for them."""

import json
import math

import polars as pl
import pytest

from tests.llm_validation.reporting.builders import (
    diagnosis,
    group,
    rows,
    vote_at,
)
from verigap.llm_validation.deciding import Prices
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.storage.files import strict_json


def test_costs_are_what_a_reader_computes(usual: Diagnosis) -> None:
    prices = Prices(
        per_mtok=2.0, in_per_mtok=1.0, prompt_tokens=500, label_cost=0.5, check_cost=0.01
    )
    content = diagnosis_content(usual, prices=prices)
    (found,) = content["groups"]
    assert content["prices"] == {
        "per_mtok": 2.0, "in_per_mtok": 1.0, "prompt_tokens": 500, "label_cost": 0.5,
        "check_cost": 0.01,
    }  # fmt: skip
    costs = {row["arm"]: (row["cost"], row["cost_once"]) for row in found["select"]["arms"]}
    asked, token = 500e-6, 2e-6
    assert costs["single"] == pytest.approx((asked + 40 * token, 0))
    assert costs["vote"] == pytest.approx((asked + 160 * token, 0))
    assert costs["exact"] == pytest.approx((asked + 160 * token + 0.04, 0))
    assert costs["best_learned"] == pytest.approx((asked + 160 * token, 32.0))
    trained = found["train"]["cost"]
    assert trained["clone"] == pytest.approx(64 * (asked + 40 * token))
    assert trained["reinforce"] == pytest.approx(64 * (asked + 40 * token) + 32.0)
    (note,) = (note for note in found["warnings"] if note.startswith("The table has no lengths of"))
    assert "each is priced as 500 tokens, as given" in note


def test_costs_without_prices_are_null(usual: Diagnosis) -> None:
    (found,) = json.loads(strict_json(diagnosis_content(usual)))["groups"]
    assert {(row["cost"], row["cost_once"]) for row in found["select"]["arms"]} == {(None, None)}
    assert set(found["train"]["cost"].values()) == {None}
    rows_ = [row for line in found["spending"]["frontier"].values() for row in line]
    assert {row["cost"] for row in rows_} == {None}
    assert not any("lengths of prompts" in note for note in found["warnings"])
    # Without a price of prompts their tokens are in no cost, which is said.
    content = diagnosis_content(usual, prices=Prices(per_mtok=1.0))
    notes = " ".join(content["groups"][0]["warnings"])
    assert "no lengths of prompts and no price of them was given: costs are without them" in notes


@pytest.mark.parametrize("prices", [None, Prices(per_mtok=1e6, check_cost=5.0)])
def test_more_to_spend_is_never_worse(usual: Diagnosis, prices: Prices | None) -> None:
    key = "sampled" if prices is None else "cost"
    reached: dict[str, list[float]] = {"without_check": [], "with_check": []}
    for spend in (1, 50, 90, 170, 400, 1000):
        content = diagnosis_content(usual, spend=spend, prices=prices)
        spending = content["groups"][0]["spending"]
        for name, row in spending["within"].items():
            assert row is None or row[key] <= spend
            reached[name].append(-1.0 if row is None else row["accuracy"])
        for line in spending["frontier"].values():
            costs = [row[key] for row in line]
            assert costs == sorted(costs)
    for values in reached.values():
        assert values == sorted(values)
    assert reached["without_check"][0] == -1.0
    assert reached["without_check"][-1] == pytest.approx(vote_at(8))


def test_labels_alone_are_no_price_of_a_prompt(usual: Diagnosis) -> None:
    prices = Prices(label_cost=1.0)
    (found,) = diagnosis_content(usual, prices=prices, spend=170)["groups"]
    assert not found["spending"]["priced"]
    assert found["spending"]["within"]["without_check"]["sampled"] == 160
    cost = found["train"]["cost"]
    assert (cost["rejection"], cost["reinforce"]) == (64.0, 64.0)
    assert math.isnan(cost["clone"])


def test_dearer_checks_buy_fewer() -> None:
    """At 20 tokens' price a check, one long sample checked beats two short ones in cost."""
    lengths = 10 + 3 * pl.col("sample_id")
    traces = diagnosis(
        group(rows().with_columns(n_tokens=lengths, first_correct=pl.when("correct").then(lengths)),
              horizon=31, theory=False)
    )  # fmt: skip
    free, dear = (
        diagnosis_content(traces, prices=Prices(per_mtok=1e6, check_cost=cost))["groups"][0]
        for cost in (0.0, 1000.0)
    )
    for found in (free, dear):
        rows_ = found["spending"]["frontier"]["with_check"]
        pairs = [(row["cost"], row["accuracy"]) for row in rows_]
        assert pairs == sorted(pairs)
    # Where checks cost more than any tokens, the shorter of equal N are not worth their saving.
    counts = [row["num_candidates"] for row in dear["spending"]["frontier"]["with_check"]]
    assert counts == sorted(counts)
