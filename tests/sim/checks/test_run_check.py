"""When a run is in order: what its bounds, its networks and its missing cells say together."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from verigap.sim.checks import run_check
from verigap.sim.checks.check import Report, Verdict
from verigap.sim.checks.run_check import RunCheck, check_rows
from verigap.sim.planted.measured import TrainedReport
from verigap.sim.sweeps import read_rows
from verigap.storage.completeness import Completeness


def report(violations: int) -> Report:
    verdict = Verdict(name="A", direction="lower", cells=3, violations=violations, vacuous=0,
                      median_ratio=2.0, worst_ratio=1.0)  # fmt: skip
    return Report((replace(verdict, violations=0), verdict), ())


def found(**given: Any) -> RunCheck:
    usual: dict[str, Any] = {
        "rows": ({}, {}), "trainings": 3, "bounds": report(0), "exponents": (), "trained": None,
        "methods": (), "completeness": Completeness(stored=5, expected=5),
    }  # fmt: skip
    return RunCheck(**(usual | given))


def networks(*reasons: str) -> Any:
    points = [SimpleNamespace(under_training=reason) for reason in reasons]
    return Mock(spec=TrainedReport, points=points)


MISSING = Completeness(stored=5, expected=9)


@pytest.mark.parametrize(
    ("given", "holds", "ok"),
    [
        ({}, True, True),
        ({"bounds": None}, True, True),
        ({"bounds": report(1)}, False, False),
        ({"trained": networks("", "")}, True, True),
        ({"trained": networks("", "verifier under-trained")}, False, False),
        ({"completeness": MISSING}, True, False),
        ({"completeness": MISSING, "partial": True}, True, True),
        ({"bounds": report(1), "partial": True}, False, False),
    ],
)
def test_when_a_run_is_in_order(given: dict[str, Any], *, holds: bool, ok: bool) -> None:
    assert (found(**given).holds, found(**given).ok, found(**given).cells) == (holds, ok, 5)


def test_each_kind_of_cell_is_checked_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = read_rows("docs/runs/quickstart")[:2]
    trained, compared = [{"game": "planted"}] * 3, [{"game": "planted-methods"}]
    measured, asked = networks(""), []
    monkeypatch.setattr(run_check, "check_trained", lambda own: asked.append(own) or measured)
    monkeypatch.setattr(run_check, "compare_settings", lambda own: asked.append(own) or ())
    whole = check_rows([*compared, *rows, *trained], ["VF-LOWER"], ["a file is damaged"])
    assert whole.rows == tuple(rows)
    assert (whole.trainings, whole.cells) == (4, 6)
    assert asked == [trained, compared]
    assert whole.trained is measured
    assert whole.bounds is not None
    assert [verdict.name for verdict in whole.bounds.verdicts] == ["VF-LOWER"]
    assert (whole.completeness, whole.partial) == (Completeness(stored=6, expected=6), False)
    assert whole.warnings == ("a file is damaged",)
    networks_alone = check_rows(trained, completeness=MISSING, partial=True)
    assert (networks_alone.bounds, networks_alone.rows) == (None, ())
    assert (networks_alone.completeness, networks_alone.partial) == (MISSING, True)
    assert check_rows(rows, ["VF-LOWER"]).trained is None
