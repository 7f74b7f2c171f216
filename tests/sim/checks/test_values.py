"""Bounds of stored cells: in NumPy one by one, and by a compiled program where they are many."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verigap.sim.checks import values
from verigap.sim.sweeps.stored import read_rows
from verigap.theory import BOUNDS
from verigap.theory.bounds.controls import CONTROLS

RUN = Path(__file__).parents[3] / "docs" / "runs" / "quickstart"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Some cells of every game of a committed run."""
    found = read_rows(RUN)
    chosen = []
    for game in sorted({row["game"] for row in found}):
        chosen += [row for row in found if row["game"] == game][:5]
    return chosen


@pytest.mark.long
def test_both_ways_say_the_same(rows: list[dict[str, Any]], monkeypatch: Any) -> None:
    names = (*BOUNDS, *CONTROLS)
    alone = values.bound_values(rows, names)
    monkeypatch.setattr(values, "_MANY", 1)
    # Not a divisor of the cells, so that one batch is padded.
    monkeypatch.setattr(values, "_BATCH", 3)
    together = values.bound_values(rows, names)
    for name in names:
        for one, other in zip(alone[name], together[name], strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-9, err_msg=name)
    # The comparison is of something: bounds that say something, and some that do not apply.
    assert np.isfinite(alone["VF-LOWER"][0]).all()
    held = np.stack([holds for _, holds in alone.values()])
    assert held.any()
    assert not held.all()


def test_many_cells_are_evaluated_in_padded_batches(
    rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell gets the value of its own place, in place of the bound its budget n."""
    calls: list[tuple[str, bool, int]] = []

    def batch(games: Any, own: Any, game: str, realisable: bool, bounds: Any) -> dict[str, Any]:
        calls.append((game, realisable, len(games.data_budget)))
        assert {len(column) for column in own.values()} == {3}
        numbers = np.asarray(games.data_budget, float)
        return {bound.name: (numbers, numbers > 16.0) for bound in bounds}

    monkeypatch.setattr(values, "_MANY", 5)
    monkeypatch.setattr(values, "_BATCH", 3)
    monkeypatch.setattr(values, "_batch", batch)
    # Of one game seven cells, which are many here, and of another four, which are few.
    alike = [row for row in rows if row["game"] == "relabelling"]
    many = [row for row in alike if len(row["atoms"]) == len(alike[0]["atoms"])]
    many = [many[place % len(many)] | {"data_budget": 8 + 4 * place} for place in range(7)]
    few = [row for row in rows if row["game"] != "relabelling"][:4]
    found, holds = values.bound_values([*few, *many], ["VF-UPPER"])["VF-UPPER"]
    assert calls == [("relabelling", True, 3)] * 3
    assert found[len(few) :].tolist() == [8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0]
    assert holds[len(few) :].tolist() == [False] * 3 + [True] * 4
    alone, _ = values.bound_values(few, ["VF-UPPER"])["VF-UPPER"]
    np.testing.assert_array_equal(found[: len(few)], alone)


def test_what_a_setting_takes_from_a_row() -> None:
    assert values.bound_by_name("VF-UPPER") is BOUNDS["VF-UPPER"]
    for name, control in CONTROLS.items():
        assert values.bound_by_name(name) is control
    assert values.divergence_of({}) == values.divergence_of({"kl_radius": None}) == "chi2"
    assert values.divergence_of({"kl_radius": 0.5}) == "kl"
