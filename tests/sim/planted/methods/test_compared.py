"""Gains, winners and their intervals, on rows whose truth is known."""

import numpy as np
import pytest

from tests.sim.planted.methods.method_rows import PROMPTS, method, methods_row
from verigap.sim.checks.run_check import check_rows
from verigap.sim.planted.methods.compared import compare_settings, is_compared
from verigap.sim.sweeps import cells_by_learners


def _rows(noise: float = 0.0) -> list[dict]:
    rng = np.random.default_rng(0)
    return [
        methods_row(
            [
                method("base", 2.0, side="base"),
                method("vote", 3.0),
                method("cloning", 3.2 + noise * rng.normal(size=PROMPTS), demonstrations=32.0),
                method("best-of-n", 6.0, "vb", "exact", checks=4.0),
                method("best-of-n", 4.0, "vb", "learned", labels=32.0),
                method("rejection-1", 3.5, "vb", labels=30.0 + 2 * trial),
            ],
            trial=trial,
        )
        for trial in range(3)
    ]


def test_gains_are_over_the_vote() -> None:
    (setting,) = compare_settings(_rows())
    gains = {point.label: point.gain.estimate for point in setting.points}
    assert gains == pytest.approx({
        "base": -1.0, "vote": 0.0, "cloning": 0.2, "best-of-n (exact)": 3.0,
        "best-of-n (learned)": 1.0, "rejection-1": 0.5,
    })  # fmt: skip
    assert setting.point("best-of-n", "learned").success.estimate == pytest.approx(0.4)
    assert (setting.trainings, setting.prompts, setting.expert) == (3, PROMPTS, 7.0)


def test_spending_is_the_mean_over_trainings() -> None:
    (setting,) = compare_settings(_rows())
    assert setting.point("rejection-1").spent.labels == 32.0
    assert setting.point("best-of-n", "exact").spent.checks == 4.0
    assert setting.verifiers["learned"]["false_positive"] == pytest.approx(0.2)
    assert setting.corrections == {"learned": pytest.approx(0.4)}


def test_who_has_no_verifier_may_not_use_labels() -> None:
    (setting,) = compare_settings(_rows())
    winners = {winner.verifier: winner for winner in setting.winners}
    assert {name: found.point.label for name, found in winners.items()} == {
        "": "cloning", "exact": "best-of-n (exact)", "learned": "best-of-n (learned)",
    }  # fmt: skip
    assert winners["learned"].runner_up == "rejection-1"
    assert winners["learned"].lead.estimate == pytest.approx(0.5)
    assert winners["learned"].share_first == 1.0


def test_a_winner_by_chance_is_not_always_first() -> None:
    (setting,) = compare_settings(_rows(noise=1.5))
    alone = next(winner for winner in setting.winners if not winner.verifier)
    assert 0.3 < alone.share_first < 0.999
    assert alone.lead.low < 0 < alone.lead.high


def test_curves_keep_their_points() -> None:
    (setting,) = compare_settings(_rows())
    found = [(point.at, point.value.estimate) for point in setting.curves["vote", ""]]
    assert found == [(1.0, 2.0), (2.0, 3.0)]
    (_, later) = setting.curves["training", "cloning"]
    assert later.pass_at_n is not None
    assert later.pass_at_n.estimate == pytest.approx(0.1)
    assert setting.curves["best-of-n", "learned"][1].promised == 5.0
    assert setting.curves["best-of-n", "learned"][1].pass_at_n is None


def test_a_run_of_methods_is_checked_and_tabulated() -> None:
    rows = _rows()
    assert all(map(is_compared, rows))
    found = check_rows(rows)
    assert (found.cells, found.bounds, found.trained) == (3, None, None)
    assert [len(setting.points) for setting in found.methods] == [6]
    table = cells_by_learners(rows)
    assert table.height == 18
    assert set(table.filter(method="vote")["value"]) == {3.0}
