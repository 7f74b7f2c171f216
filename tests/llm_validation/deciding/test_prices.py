"""What arms cost."""

import math

import pytest

from verigap.llm_validation.deciding.prices import Prices
from verigap.storage.tables import TableError


def test_without_prices_no_cost_is_known() -> None:
    none = Prices()
    assert not none.of_prompts
    assert math.isnan(none.per_prompt(8, 500.0, checked=8))
    assert math.isnan(none.of_training(256, 500.0, labelled=True))
    assert math.isnan(none.of_labels(0))
    # A price of labels says nothing of traces without any.
    labels = Prices(label_cost=0.5)
    assert math.isnan(labels.of_training(256, 500.0, labelled=False))
    assert labels.of_training(256, float("nan"), labelled=True) == 128.0
    assert math.isnan(labels.per_prompt(8, 500.0))
    assert (labels.of_labels(0), labels.of_labels(10)) == (0.0, 5.0)


def test_every_price_by_hand() -> None:
    # 1,000 prompt tokens at 3 a million; 8 x 500 tokens at 2 a million; 8 checks.
    prices = Prices(per_mtok=2.0, in_per_mtok=3.0, prompt_tokens=1000, check_cost=0.01)
    assert prices.of_prompts
    assert prices.per_prompt(8, 500, checked=8) == pytest.approx(0.003 + 0.008 + 0.08)
    assert prices.per_prompt(8, 500) == pytest.approx(0.003 + 0.008)
    # A machine of 3.6 an hour makes 1,000 tokens a second: a millionth a token.
    machine = Prices(gpu_hour=3.6, tokens_per_second=1000.0)
    assert machine.per_prompt(1, 2e6) == pytest.approx(2.0)
    # 100 traces of 1,000 tokens at 2 a million, 0.5 a label.
    labels = Prices(per_mtok=2.0, label_cost=0.5)
    assert labels.of_training(100, 1000, labelled=False) == pytest.approx(0.2)
    assert labels.of_training(100, 1000, labelled=True) == pytest.approx(50.2)
    # Each trace reads its prompt.
    assert prices.of_training(100, 500, labelled=True) == pytest.approx(0.1 + 0.3)
    reading = Prices(in_per_mtok=3.0, prompt_tokens=1000)
    assert reading.of_training(100, float("nan"), labelled=False) == pytest.approx(0.3)


def test_a_price_of_zero_is_given() -> None:
    assert Prices(per_mtok=0.0).of_prompts
    # Labels are paid once, and not for each prompt.
    assert not Prices(label_cost=1.0).of_prompts


@pytest.mark.parametrize("name", ["per_mtok", "label_cost", "check_cost", "tokens_per_second"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_no_price_is_named(name: str, value: float) -> None:
    with pytest.raises(TableError, match=f"^{name}: "):
        Prices(**{name: value})


@pytest.mark.parametrize(
    ("name", "needed"), [("in_per_mtok", "prompt_tokens"), ("gpu_hour", "tokens_per_second")]
)
def test_a_price_that_needs_a_number_says_which(name: str, needed: str) -> None:
    with pytest.raises(TableError, match=f"^{name}: .*{needed}"):
        Prices(**{name: 1.0})
    with pytest.raises(TableError, match=f"^{name}: .*{needed}"):
        Prices(**{name: 1.0, needed: 0.0})
    # Alone, the number would be read by nobody.
    with pytest.raises(TableError, match=f"^{needed}: .*{name}"):
        Prices(**{needed: 1.0})
