"""A diagnosis does its work once: pools are built once, and no cell is measured twice."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.reporting.builders import rows
from verigap.llm_validation.deciding.methods import EqualBudgets
from verigap.llm_validation.fitting.fit import Fit
from verigap.llm_validation.fitting.population import Grids
from verigap.llm_validation.measuring import measure as measuring
from verigap.llm_validation.measuring.measure import measure
from verigap.llm_validation.pools import pools as pooling
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.predicting import calibration
from verigap.llm_validation.predicting.predict import Options, predict
from verigap.llm_validation.reporting import diagnose as diagnosing
from verigap.llm_validation.traces import Traces
from verigap.storage.progress import Progress
from verigap.storage.tables import TableError

HORIZONS, DATA = (16, 32), (8, 16)


@pytest.fixture(scope="module")
def traces() -> Traces:
    """Two groups of different sizes, and one without a verified sample."""
    return Traces(
        pl.concat(
            [
                rows("a", prompts=6, samples=4),
                rows("b", prompts=9, samples=4),
                rows("c", prompts=2, samples=2, correct=None, first_correct=None).with_columns(
                    pl.col("correct").cast(pl.Boolean), pl.col("first_correct").cast(pl.Int64)
                ),
            ]
        )
    )


@pytest.mark.long
def test_pools_are_built_once_and_cells_are_measured_once(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: Counter[str] = Counter()
    measured: Counter[tuple[str, int, int]] = Counter()
    decided: Counter[str] = Counter()
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    told: list[Progress] = []
    build, values, replicate = pooling._pools, measuring.values_at, calibration.Slice.of
    decide = diagnosing.decide_group

    def counted_build(frame):
        built[frame["dataset"][0]] += 1
        return build(frame)

    def counted_values(pools, horizon, settings, *rest):
        measured.update((pools.dataset, horizon, n) for n in settings.data_budgets)
        return values(pools, horizon, settings, *rest)

    def counted_decide(pools, *rest):
        decided[pools.dataset] += 1
        return decide(pools, *rest)

    def watched(group, *rest):
        seen.append((group.horizons, next(iter(group.values.values())).shape[:2]))
        return replicate(group, *rest)

    monkeypatch.setattr(pooling, "_pools", counted_build)
    monkeypatch.setattr(measuring, "values_at", counted_values)
    monkeypatch.setattr(diagnosing, "decide_group", counted_decide)
    monkeypatch.setattr(calibration.Slice, "of", watched)
    found = diagnosing.diagnose(traces, HORIZONS, DATA, report=told.append)
    assert built == {"a": 1, "b": 1, "c": 1}
    assert decided == {"a": 1, "b": 1}
    assert measured == {(name, h, n): 1 for name in "ab" for h in HORIZONS for n in DATA}
    # A prediction sees the smaller half of the budgets and of the n.
    assert seen == [(HORIZONS[:1], (1, 1))] * 2
    assert found.fit.left_out == (("c", "m", 4),)
    # The same prompts in another dataset are other prompts.
    assert found.comparisons == ()
    assert [group.num_candidates for group in found.groups] == [8, 8]
    assert {group.decisions.num_candidates for group in found.groups} == {4}
    done = [each.done for each in told]
    assert done == sorted(done)
    assert done[-1] >= 80
    assert {each.total for each in told} == {100}
    # Of every stage with the time that is left, from the first word on.
    assert all(each.eta is not None and each.eta > 0 for each in told)
    assert told[-1].doing == "writing the report"


@pytest.mark.long
def test_the_stages_agree_with_the_commands_of_their_own(traces: Traces) -> None:
    alone = Traces(traces.frame.filter(pl.col("dataset") == "a"))
    (group,) = diagnosing.diagnose(alone, HORIZONS, DATA).groups
    (measured,) = measure(alone, HORIZONS, data_budgets=DATA)
    (predicted,) = predict(alone, HORIZONS, DATA, Options())
    assert group.theory is not None
    assert (group.theory.horizon, group.theory.data_budget) == (32, 16)
    for name, values in measured.values.items():
        np.testing.assert_array_equal(group.theory.measurement.values[name], values)
    for own, other in zip(group.theory.prediction.cells, predicted.cells, strict=True):
        np.testing.assert_allclose(own.gap, other.gap, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("worth", [0.0, 1.0, -0.1, float("nan"), float("inf")])
def test_a_gain_that_counts_is_a_share(traces: Traces, worth: float) -> None:
    with pytest.raises(TableError, match="worth: "):
        diagnosing.diagnose(traces, HORIZONS, DATA, worth=worth)


def test_kept_stages_are_of_one_leash(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of a diagnosis on one leash serves no other divergence, and no other radius."""
    computed: list[Leash] = []

    def one_stage(_traces, _drawn, _pools, _given, request, stages):
        stages("training", lambda: computed.append(request.leash) or 0)
        raise KeyboardInterrupt

    monkeypatch.setattr(diagnosing, "_diagnose_group", one_stage)
    asked = [Leash("kl", 1.0), Leash("chi2", 1.0), Leash("kl", 1.0), Leash("kl", 0.5)]
    for leash in asked:
        with pytest.raises(KeyboardInterrupt):
            diagnosing.diagnose(traces, HORIZONS, DATA, leash=leash, keep=tmp_path)
    # Whether the third finds the stage of the first does not matter here.
    assert set(computed) == set(asked)


def test_kept_methods_are_not_compared_again(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was compared before an interruption comes back to the last bit."""
    compared: list[EqualBudgets | None] = []
    compare = diagnosing.diagnosed_methods

    def counted(decisions):
        compared.append(compare(decisions))
        return compared[-1]

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(diagnosing, "diagnosed_methods", counted)
    # The next stage.
    monkeypatch.setattr(diagnosing, "_theory", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            diagnosing.diagnose(traces, HORIZONS, DATA, num_candidates=4, keep=tmp_path)
    monkeypatch.setattr(diagnosing, "_theory", lambda *_: None)
    found = diagnosing.diagnose(traces, HORIZONS, DATA, num_candidates=4, keep=tmp_path)
    # One of each group, and none again.
    assert len(compared) == 2
    assert None not in compared
    # As text, because what does not differ has no interval.
    assert str([group.methods for group in found.groups]) == str(compared)


@pytest.mark.parametrize(("given", "decided"), [(None, None), ((32, 16), 32)])
def test_the_decisions_are_about_the_largest_budget_that_was_given(
    traces: Traces, monkeypatch: pytest.MonkeyPatch, given: tuple[int, ...] | None,
    decided: int | None,
) -> None:  # fmt: skip
    asked: list[tuple[int | None, tuple[int, ...]]] = []

    def seen(_pools, horizon, request, *_):
        asked.append((horizon, request.data_budgets))
        raise KeyboardInterrupt

    monkeypatch.setattr(diagnosing, "fit", lambda *_, **__: Fit((None,), (), Grids(), 0))  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(diagnosing, "decide_group", seen)
    with pytest.raises(KeyboardInterrupt):
        diagnosing.diagnose(traces, given, DATA)
    assert asked == [(decided, DATA)]


@pytest.mark.long
def test_the_standing_is_about_the_chi_square_leash_that_a_kl_leash_meets(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def seen(*_, chi2_radius: float, **__) -> None:
        asked.append(chi2_radius)
        raise KeyboardInterrupt

    monkeypatch.setattr(diagnosing, "group_setting", seen)
    for leash in (Leash("kl", 0.3), Leash("chi2", 0.3)):
        with pytest.raises(KeyboardInterrupt):
            diagnosing.diagnose(traces, HORIZONS, DATA, leash=leash)
    assert asked == pytest.approx([math.expm1(0.3), 0.3])
