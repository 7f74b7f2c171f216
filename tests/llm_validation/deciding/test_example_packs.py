"""The packs of examples/ give the numbers that their page states."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from verigap.llm_validation import read_traces
from verigap.llm_validation.deciding.outcomes import Outcomes, outcomes_at
from verigap.llm_validation.deciding.selection import select
from verigap.llm_validation.pools import sample_pools

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@cache
def groups(name: str) -> dict[str, Outcomes]:
    traces = read_traces(EXAMPLES / f"{name}.parquet")
    return {pools.model: outcomes_at(pools, None) for pools in sample_pools(traces, placed=False)}


@cache
def code() -> dict[str, dict[int, float]]:
    (found,) = groups("humaneval_codegen16b").values()
    chosen = select(found, labels=1, counts=(2, 4, 8, 16, 32, 64, 100), learn=False, seed=0)
    return {
        arm: dict(zip(chosen.counts, values.mean(axis=1), strict=True))
        for arm, values in chosen.values["accuracy"].items()
    }


def test_best_of_n_by_generated_tests_peaks_and_falls() -> None:
    expected = [0.2738, 0.3016, 0.2983, 0.2766, 0.2522, 0.2312, 0.2172]
    assert list(code()["best_score"].values()) == pytest.approx(expected, abs=5e-5)
    assert max(code()["best_score"], key=code()["best_score"].__getitem__) == 4


def test_pass_at_n_of_the_code() -> None:
    assert code()["single"][2] == pytest.approx(0.2211, abs=5e-5)
    expected = [0.3079, 0.3935, 0.4766, 0.5618, 0.6429, 0.7077, 0.7378]
    assert list(code()["exact"].values()) == pytest.approx(expected, abs=5e-5)


def test_majority_of_the_code() -> None:
    (found,) = groups("humaneval_codegen16b").values()
    assert code()["vote"][100] == pytest.approx(0.3365, abs=5e-5)
    # Where a problem without any answer counts as failed.
    answered = (found.answer >= 0).any(axis=1)
    chosen = select(found, labels=1, counts=(100,), learn=False, seed=0)
    vote = chosen.values["accuracy"]["vote"][0]
    assert np.where(answered, vote, 0.0).mean() == pytest.approx(0.3008, abs=5e-5)


@pytest.mark.parametrize(
    ("model", "solved", "expected", "shortest"),
    [
        ("AI-MO_Kimina-Prover-Preview-Distill-7B", 72, (0.1294, 0.2517, 0.2951), 0.158),
        ("Goedel-LM_Goedel-Prover-SFT", 87, (0.2285, 0.3368, 0.3566), 0.215),
    ],
)
def test_lean(model: str, solved: int, expected: tuple[float, ...], shortest: float) -> None:
    found = groups("lean_minif2f")[model]
    chosen = select(found, labels=1, counts=(1, 8, 24), learn=False, seed=0)
    values = {arm: v.mean(axis=1) for arm, v in chosen.values["accuracy"].items()}
    assert values["exact"] == pytest.approx(expected, abs=5e-5)
    assert (chosen.correct > 0).sum() == solved
    assert values["shortest"][1] == pytest.approx(shortest, abs=5e-4)
    assert values.keys() == {"single", "shortest", "exact"}
