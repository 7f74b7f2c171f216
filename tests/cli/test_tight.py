"""The tight games as a user runs them: `verigap sweep` and `verigap check`."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Command, stored_rows, succeeded
from tests.sim.checks.test_corruptions import has_delta
from tests.sim.tight.power import least_needed
from verigap.sim.checks import check
from verigap.sim.checks.corrupted import Caught, catch_corruptions
from verigap.theory import BOUNDS
from verigap.theory.bounds.corruptions import CORRUPTIONS

CONFIG = Path(__file__).parents[2] / "configs" / "tight.yaml"
ERRING = """
replicates: 500
sweeps:
  - {name: errs, game: false-negatives, horizon: 64, data_budget: 8, label_error: 0.1}
  - {name: noise, game: false-negatives, horizon: 64, data_budget: 8, label_noise: 0.05}
  - {name: hacked, game: reward-hacking, horizon: 64, data_budget: 90, label_error: 0.01}
"""

GIVEN = """
replicates: 500
sweeps:
  - {name: estimate, game: flat-estimate, horizon: 64, reward_error: 8, num_candidates: 4}
  - {name: missed, game: missing-expert, horizon: 64, data_budget: 90, misspecification: 0.5}
"""

FURTHEST = {
    "VF-UPPER": 0.95,
    "VF-UPPER-EXPECTATION": 0.95,
    "VB-UPPER": 0.95,
    "VB-UPPER-SQUARED": 0.95,
    "VB-UPPER-NOISE": 0.93,
}
"""Least ratio of measured and bound, where it is not 0.98."""


FAR_EXPONENT = "cloning is told twice as fast where the proof is loose as where it is not"
NEGLIGIBLE = "where the bound is met, what n and d enter through is negligible"
MANY_TRACES = "the bound is met for many traces only, where one is less than a per cent"
UNSEEN: dict[tuple[str, str], str] = {
    ("VF-UPPER", "TRACE"): MANY_TRACES,
    ("VF-UPPER-EXPECTATION", "TRACE"): FAR_EXPONENT,
    ("VF-UPPER-EXPECTATION", "EXPONENT"): FAR_EXPONENT,
    ("VF-UPPER-MISSPECIFIED", "TRACE"): FAR_EXPONENT,
    ("VF-UPPER-MISSPECIFIED", "EXPONENT"): FAR_EXPONENT,
    ("VF-LOWER-MEDIAN", "TRACE"): NEGLIGIBLE,
    ("VF-LOWER-MEDIAN", "BIT"): NEGLIGIBLE,
    ("VB-UPPER-PLUG-IN", "TRACE"): MANY_TRACES,
    ("VB-UPPER-BEST-OF-N", "TRACE"): MANY_TRACES,
    ("VB-UPPER-ERRORS-BEST-OF-N", "TRACE"): MANY_TRACES,
    ("SEPARATION", "TRACE"): NEGLIGIBLE,
    ("SEPARATION", "BIT"): NEGLIGIBLE,
    ("SEPARATION-LINEAR", "TRACE"): NEGLIGIBLE,
    ("SEPARATION-LINEAR", "BIT"): NEGLIGIBLE,
}
"""Corruptions that no cell of the tight games shows, and why; docs/bounds.md has the same table."""

ESTIMATED = ("VB-UPPER-MEAN-SQUARE", "VB-UPPER-MEAN-SQUARE-BEST-OF-N")
"""Bounds into which neither n nor d enter: the estimate is given."""


@pytest.fixture(scope="module")
def tight_run(verigap: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cells of configs/tight.yaml."""
    run = tmp_path_factory.mktemp("runs") / "tight"
    succeeded(verigap("sweep", CONFIG, "--out", run))
    return run


@pytest.fixture(scope="module")
def caught(tight_run: Path) -> dict[tuple[str, str], Caught]:
    return {(c.bound, c.corruption): c for c in catch_corruptions(stored_rows(tight_run))}


def test_labels_that_are_wrong(verigap: Command, tmp_path: Path) -> None:
    (tmp_path / "erring.yaml").write_text(ERRING)
    succeeded(verigap("sweep", "erring.yaml", "--out", "run", cwd=tmp_path))
    report = json.loads(succeeded(verigap("check", "run", "--json", cwd=tmp_path)).stdout)
    assert report["ok"]
    cells = {bound["name"]: bound["cells"] for bound in report["bounds"]}
    assert cells["VB-UPPER-ERRORS"] == cells["VB-UPPER-NOISE"] == 1
    assert cells["VB-UPPER-ERRORS-BEST-OF-N"] == 1
    assert cells["VB-UPPER-EXPECTATION"] == cells["VB-UPPER-BEST-OF-N"] == 0
    again = succeeded(verigap("rerun", "run", cwd=tmp_path)).stdout
    assert again.count("equal") == 3


def test_an_estimate_and_a_class_that_misses(verigap: Command, tmp_path: Path) -> None:
    (tmp_path / "given.yaml").write_text(GIVEN)
    succeeded(verigap("sweep", "given.yaml", "--out", "run", cwd=tmp_path))
    report = json.loads(succeeded(verigap("check", "run", "--json", cwd=tmp_path)).stdout)
    assert report["ok"]
    assert {bound["name"]: bound["cells"] for bound in report["bounds"] if bound["cells"]} == {
        "VF-UPPER-MISSPECIFIED": 1,
        "VB-UPPER-MEAN-SQUARE": 1,
        "VB-UPPER-MEAN-SQUARE-BEST-OF-N": 1,
    }
    again = succeeded(verigap("rerun", "run", cwd=tmp_path)).stdout
    assert again.count("equal") == 2


@pytest.mark.long
def test_every_bound_is_nearly_met_somewhere(verigap: Command, tight_run: Path) -> None:
    report = json.loads(succeeded(verigap("check", tight_run, "--json")).stdout)
    found = {bound["name"]: bound for bound in report["bounds"]}
    assert found.keys() == BOUNDS.keys()
    for name, bound in found.items():
        assert bound["violations"] == 0
        assert bound["cells"] > bound["vacuous"], name
        least = FURTHEST.get(name, 0.98)
        # Measured ratios scatter by a hundredth or so around what may be 1.
        assert least / 1.02 <= bound["worst_ratio"] <= 1.02 / least, name
    rows = stored_rows(tight_run)
    for name in BOUNDS:
        needed, replicates, block = least_needed(rows, name)
        # Twice over, as tests that are valid for every law need more than the normal approximation.
        assert 2.0 * needed <= replicates, (name, block)
    # VF-UPPER by the spread of the expert's returns, and not by its mean alone.
    two = [row for row in rows if row["game"] == "two-hypotheses"]
    needed, replicates, _ = least_needed(two, "VF-UPPER")
    assert 2.0 * needed <= replicates


@pytest.mark.long
def test_every_bound_holds_and_a_tenth_would_have_been_seen(tight_run: Path) -> None:
    report = check(stored_rows(tight_run))
    assert report.ok
    assert [verdict.name for verdict in report.verdicts] == list(BOUNDS)
    for verdict in report.verdicts:
        assert verdict.cells > 0
        factor = verdict.smallest_detectable
        assert factor is not None
        assert (factor < 1.1) if verdict.direction == "lower" else (factor > 0.9), verdict


@pytest.mark.long
@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("bound", BOUNDS)
def test_a_corrupted_bound_is_caught(
    caught: dict[tuple[str, str], Caught], bound: str, corruption: str
) -> None:
    found = caught[bound, corruption]
    if corruption == "DELTA":
        assert found.changes == has_delta(BOUNDS[bound])
    elif bound in ESTIMATED:
        assert found.changes == (corruption == "TENTH")
    else:
        assert found.changes
    seen = found.changes and (bound, corruption) not in UNSEEN
    assert bool(found.cells) == seen
