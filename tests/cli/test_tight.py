"""The tight games as a user runs them: `verigap sweep` and `verigap check`."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Command, stored_rows, succeeded
from tests.sim.tight.power import least_needed
from verigap.theory import BOUNDS

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
def test_every_bound_is_nearly_met_somewhere(verigap: Command, tmp_path: Path) -> None:
    run = tmp_path / "tight"
    succeeded(verigap("sweep", CONFIG, "--out", run))
    report = json.loads(succeeded(verigap("check", run, "--json")).stdout)
    found = {bound["name"]: bound for bound in report["bounds"]}
    assert found.keys() == BOUNDS.keys()
    for name, bound in found.items():
        assert bound["violations"] == 0
        assert bound["cells"] > bound["vacuous"], name
        least = FURTHEST.get(name, 0.98)
        # Measured ratios scatter by a hundredth or so around what may be 1.
        assert least / 1.02 <= bound["worst_ratio"] <= 1.02 / least, name
    rows = stored_rows(run)
    for name in BOUNDS:
        needed, replicates, block = least_needed(rows, name)
        # Twice over, as tests that are valid for every law need more than the normal approximation.
        assert 2.0 * needed <= replicates, (name, block)
    # VF-UPPER by the spread of the expert's returns, and not by its mean alone.
    two = [row for row in rows if row["game"] == "two-hypotheses"]
    needed, replicates, _ = least_needed(two, "VF-UPPER")
    assert 2.0 * needed <= replicates
