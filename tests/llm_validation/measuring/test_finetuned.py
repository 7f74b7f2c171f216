"""Measurements read off the committed runs of trained transformers."""

from pathlib import Path

import numpy as np
import pytest

from verigap.llm_validation.measuring.content import as_content
from verigap.llm_validation.measuring.measurement import POLICIES, GroupMeasurement
from verigap.llm_validation.measuring.planted_runs import finetuned
from verigap.llm_validation.measuring.trained_runs import measured_run
from verigap.llm_validation.pools.leashes import CHI2_1
from verigap.sim.sweeps.spelling import FINETUNED_VERSION_1_NAMES
from verigap.storage.run_store import RunStore
from verigap.storage.tables import TableError

RUN = Path(__file__).parents[3] / "docs" / "runs" / "planted-small"


def test_cells_are_the_trainings_means() -> None:
    rows = RunStore.read_only(RUN).read_cells().to_dicts()
    groups = {group.model: group for group in finetuned(rows)}
    assert set(groups) == {
        "low (data)", "high (data)", "low (horizon)", "high (horizon)", "high (policy-gradient)",
    }  # fmt: skip
    group = groups["low (data)"]
    assert (group.dataset, group.prompts, group.trainings) == ("planted", 64, 3)
    assert (group.num_candidates, group.leash) == (8, CHI2_1)
    assert [(cell.horizon, cell.data_budget) for cell in group.cells] == [
        (24, 64),
        (24, 256),
        (24, 1024),
    ]
    for cell in group.cells:
        chosen = [
            {entry["learner"]: entry for entry in row["policies"]}
            for row in rows
            if (row["block"], row["family"], row["data_budget"])
            == ("data", "low", cell.data_budget)
        ]
        assert len(chosen) == 3
        for field, gap in (("leashed", cell.gap), ("value", cell.gap_unleashed)):
            expected = np.mean(
                [np.subtract(c["vb-best-of-n"][field], c["vf-cloning"][field]) for c in chosen]
            )
            assert np.isclose(gap.estimate, expected)
            assert gap.low < gap.estimate < gap.high
        assert set(cell.values) <= set(POLICIES)
    content = as_content([group])["groups"][0]
    assert content["cells"][0].keys() == {
        "horizon", "data_budget", "extrapolated", "values", "gap", "gap_unleashed",
    }  # fmt: skip


def test_simulated_runs_are_refused() -> None:
    with pytest.raises(TableError, match="no networks of the game planted;"):
        finetuned([{"game": "relabelling"}])


def test_a_run_of_version_1_reads_as_before(tmp_path: Path) -> None:
    present = RUN.with_name("smollm2-finetuned-cpu")
    cells = RunStore.read_only(present).read_cells()
    assert {"data_budget", "num_candidates", "chi2_radius"} <= set(cells.columns)
    with RunStore.open(tmp_path / "run", "version: 1\n", {}) as store:
        store.write_batch(cells.rename(FINETUNED_VERSION_1_NAMES))
    (before,), _ = measured_run(tmp_path / "run")
    (now,), _ = measured_run(present)
    assert as_content([before]) == as_content([now])
    assert isinstance(now, GroupMeasurement)
    assert (now.data_budgets, now.num_candidates, now.leash) == ((16, 64), 8, CHI2_1)
