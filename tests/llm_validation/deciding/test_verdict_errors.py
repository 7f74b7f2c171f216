"""Verdicts where the truth is known; the full check is `python -m benchmarks.verdict_errors`."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import verdict_errors
from benchmarks.verdict_errors import Tables, gain, judged, markdown, rates, table, truths
from benchmarks.verdict_populations import POPULATIONS, Population
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import Decision, Margin
from verigap.llm_validation.intervals import Statistic

MADE = {
    "helps": Population(difficulty="hard", length="uninformative", vote="wrong", score="learnable"),
    "misleads": Population(difficulty="easy", length="misleading", vote="right", score="none"),
}


@cache
def tables(name: str, prompts: int, repetitions: int) -> Tables:
    return Tables.joined([table(MADE[name], prompts, index) for index in range(repetitions)])


@pytest.mark.long
@pytest.mark.parametrize("what", ["select", "train"])
@pytest.mark.parametrize("name", MADE)
def test_false_verdicts_are_rare(name: str, what: verdict_errors.What) -> None:
    made = tables(name, 40, 30)
    truth = truths({40: made})[40]
    # Of 30 tables; 10 % are nominal, and more than this has a probability of one in 10,000.
    most = int(stats.binom.isf(1e-4, 30, 0.1))
    for worth in (None, max(gain(truth, what), 0.01)):
        found = rates(made, what, truth, worth)
        assert found["tables"] == 30
        assert max(found["false more"], found["false plain"]) <= most, found
    # And something is decided, rightly: the more, the more prompts there are.
    found = rates(made, what, truth)
    if (name, what) == ("misleads", "select"):
        assert found["undecided"] > 15, found
        found = rates(tables(name, 160, 10), what, truth)
    assert found["more"] + found["plain"] > found["tables"] / 2, found


@pytest.mark.long
@pytest.mark.parametrize("arm", ["clone", "rejection", "reinforce"])
def test_draws_of_trained_policies_move_as_tables_do(arm: str) -> None:
    """Prompts alone move the gain of a clone half as much as tables do."""
    made = tables("misleads", 40, 30)
    gains = made.values[arm] - made.values["base"]
    real = gains.mean(axis=1).std(ddof=1)
    spread = {}
    for shifted in (False, True):
        of_tables = []
        for index in range(made.repetitions):
            shifts = {arm: made.shifts[arm][index]} if shifted else None
            joint = JointMeans.of({arm: gains[index]}, shifts=shifts, most=1.0, seed=index)
            of_tables.append(np.subtract(*np.quantile(joint.draws[arm], [0.75, 0.25])) / 1.349)
        spread[shifted] = float(np.sqrt(np.mean(np.square(of_tables))))
    # The spread of 30 tables is known to a factor of 1.4 with a probability of 0.99.
    assert 1 / 1.4 < spread[True] / real < 1.7
    if arm != "reinforce":
        assert spread[False] / real < 1 / 1.4


def decision(arm: str, reason: str) -> Decision:
    nothing = Statistic(*[float("nan")] * 3)
    return Decision(
        arm=arm,
        reason=reason,  # pyright: ignore[reportArgumentType]
        probability=1.0,
        margin=Margin(value=0.02, source="given"),
        best_plain="vote",
        best_other="best_learned",
        contender="",
        highest=None,
        ceiling=None,
        mixed=50,
        gain=nothing,
    )


def test_what_makes_a_verdict_false() -> None:
    truth = {"single": 0.3, "vote": 0.4, "best_learned": 0.43, "vote_learned": 0.41}
    for arm, reason, margin, expected in (
        ("best_learned", "gains", 0.02, "more"),
        ("best_learned", "gains", 0.04, "false more"),
        # It gains over a single sample, not over the best arm without a verifier.
        ("vote_learned", "gains", 0.02, "false more"),
        ("vote", "suffices", 0.04, "plain"),
        ("vote", "suffices", 0.02, "false plain"),
        ("single", "suffices", 0.04, "false plain"),
        ("undecided", "open", 0.04, "undecided"),
    ):
        assert judged(decision(arm, reason), margin, "select", truth) == expected


def test_populations_are_what_they_are_called() -> None:
    rng = np.random.default_rng(0)
    for name, population in POPULATIONS.items():
        found = population.outcomes(rng, 3000)
        right = found.rewards["accuracy"] > 0
        longer = found.length[right].mean() / found.length[~right].mean()
        assert (
            np.sign(round(np.log(longer), 1))
            == {
                "informative": -1,
                "uninformative": 0,
                "misleading": 1,
            }[population.length]
        ), name
        assert np.isfinite(found.score).any() == (population.score == "table")
        level = {"sharp": 0.49, "spread": 0.5, "hard": 0.09, "easy": 0.83}[population.difficulty]
        assert right.mean() == pytest.approx(level, abs=0.03)
    # Every level comes up.
    for field in ("difficulty", "length", "vote", "score"):
        levels = [getattr(population, field) for population in POPULATIONS.values()]
        assert min(levels.count(level) for level in set(levels)) >= 2


def test_a_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(iter(POPULATIONS))
    drawn: list[int] = []

    def made(population: Population, prompts: int, repetition: int) -> Tables:
        drawn.append(repetition)
        value = np.full((1, prompts), repetition / 10)
        arms = ("single", "vote", "exact", "best_learned", "base", "clone")
        return Tables(
            values=dict.fromkeys(arms, value),
            shifts={"clone": np.zeros((1, 2))},
            mixed=np.array([float(prompts)]),
        )

    monkeypatch.setattr(verdict_errors, "table", made)
    first = verdict_errors.kept(tmp_path, name, 20, 2)
    more = verdict_errors.kept(tmp_path, name, 20, 5)
    again = verdict_errors.kept(tmp_path, name, 20, 3)
    assert drawn == [0, 1, 2, 3, 4]
    assert "3 tables" in capsys.readouterr().err
    for found, count in ((first, 2), (more, 5), (again, 3)):
        expected = np.arange(count) / 10
        np.testing.assert_array_equal(found.values["vote"][:, 0], expected)
        assert len(found.mixed) == len(found.shifts["clone"]) == count
    cell = {"tables": 50, "false more": 20, "false plain": 0, "undecided": 10, "margin": 0.021}
    printed = markdown({name: {20: {"select": cell}}}, "select")
    # A share that is surely above the nominal one is marked.
    assert f"| {name} (2.1) | 40* / 0 / 20 |" in printed
