"""What the arms of a decision take and cost, in words."""

import math
from typing import Any

from verigap.llm_validation.deciding import Prices
from verigap.llm_validation.deciding.rule import Decision, Margin
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.price_wording import selecting_price, training_price

UNKNOWN = math.nan


def decision(arm: str, reason: str, best_plain: str = "vote", contender: str = "") -> Decision:
    return Decision(
        arm=arm,
        reason=reason,  # pyright: ignore[reportArgumentType]
        probability=0.5,
        margin=Margin(value=0.01, source="one point"),
        best_plain=best_plain,
        best_other="best_learned",
        contender=contender,
        highest=None,
        ceiling=None,
        mixed=50,
        gain=Statistic(UNKNOWN, UNKNOWN, UNKNOWN),
    )


def arms(length: float = 40.0, cost: float = UNKNOWN, label: float = UNKNOWN) -> list[dict]:
    names = {
        "single": "one sample",
        "vote": "majority vote of 8",
        "best_learned": "best of 8 by a learned score",
        "exact": "best of 8 by a check",
    }
    rows: list[dict[str, Any]] = []
    for arm, name in names.items():
        n, labels = 1 if arm == "single" else 8, 64 if arm == "best_learned" else 0
        rows.append(
            {"arm": arm, "name": name, "sampled": n * length, "cost": n * cost, "labels": labels,
             "cost_once": labels * label}
        )  # fmt: skip
    return rows


def test_a_chosen_arm_beside_one_sample() -> None:
    found = decision("vote", "suffices")
    assert selecting_price(found, arms(), 8, "tokens") == (
        "It takes 320 tokens a prompt, where one sample takes 40."
    )
    assert selecting_price(decision("single", "suffices"), arms(cost=0.5), 8, "words") == (
        "It takes 40 words a prompt, and costs 0.5 a prompt."
    )
    assert selecting_price(found, arms(UNKNOWN), 8, "tokens") == "It takes 8 samples a prompt."


def test_both_arms_of_an_open_decision_have_their_price() -> None:
    found = decision("undecided", "open", "vote", "best_learned")
    assert selecting_price(found, arms(cost=0.25, label=0.5), 8, "tokens") == (
        "Majority vote of 8 takes 320 tokens a prompt, and costs 2 a prompt. Best of 8 by a "
        "learned score takes 320 tokens a prompt, and costs 2 a prompt; its score is learned from "
        "64 labelled samples, for 32 once."
    )
    # Where no arm is named that it is open against.
    assert selecting_price(decision("undecided", "open", "vote", ""), arms(), 8, "tokens") == (
        "Majority vote of 8 takes 320 tokens a prompt."
    )
    few = decision("undecided", "too_few")
    assert selecting_price(few, arms(), 8, "tokens") == (
        "One sample takes 40 tokens a prompt, 8 samples take 320 tokens."
    )
    assert selecting_price(few, arms(UNKNOWN), 1, "tokens") == ""


def test_what_traces_take() -> None:
    costs = {"clone": 3.0, "rejection": 5.0, "reinforce": 5.0}
    labels = Prices(per_mtok=1.0, label_cost=1.0)

    def price(found: Decision, prices: Prices = labels, sampled: float = 2560.0) -> str:
        known = costs if prices != Prices() else dict.fromkeys(costs, UNKNOWN)
        return training_price(found, known, prices, 64, sampled, "tokens")

    assert price(decision("base", "suffices")) == ""
    then = "; a trained policy then takes one sample a prompt."
    assert price(decision("clone", "gains")) == (
        f"Its 64 traces are an expert's, 2,560 tokens, and cost 3 once{then}"
    )
    assert price(decision("rejection", "gains"), Prices(per_mtok=1.0)) == (
        f"Its 64 traces need a label each, 2,560 tokens, and cost 5 once without their labels{then}"
    )
    still_open = decision("undecided", "open", "base", "reinforce")
    assert price(still_open) == (
        "The 64 traces of reinforcement by a learned reward need a label each, 2,560 tokens, and "
        f"cost 5 once{then}"
    )
    assert price(decision("undecided", "too_few"), Prices(), UNKNOWN) == (
        "Training takes 64 traces; all but an expert's need a label each."
    )
