"""Sampling by engines on Ray: the table of the local engine, whatever is lost meanwhile."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests_ray.machines import Machines, wait_for
from tests_ray.sampling import Sampling, ended, failed, kept, rows
from tests_ray.test_one_machine import assert_gone, started

INTERRUPTED = "verigap: interrupted; the same command continues where it stopped"
SAMPLES = 24
WORKING = "SamplingEngine.work"


@pytest.fixture
def expected(sampling: Sampling, tmp_path: Path) -> list[dict[str, object]]:
    """The table of the local engine."""
    ended(sampling.start(tmp_path / "local.parquet"))
    return rows(tmp_path / "local.parquet")


@pytest.fixture
def on_cluster(machines: Machines) -> tuple[object, ...]:
    return ("--on", "ray", "--address", machines.address)


def test_a_ray_of_its_own_makes_the_table_of_the_local_engine(
    sampling: Sampling, tmp_path: Path, expected: list[dict[str, object]]
) -> None:
    out = tmp_path / "t.parquet"
    child = sampling.start(out, "--on", "ray", "--engines", 2)
    wait_for(lambda: [each for each in started(child) if WORKING in each.command])
    below = started(child)
    assert "24 samples of 8 prompts" in ended(child)
    assert rows(out) == expected
    assert {row["correct"] for row in expected} == {True, False}
    assert not out.with_name("t.parquet.parts").exists()
    assert_gone(below)


def test_a_cluster_makes_the_table_of_the_local_engine(
    sampling: Sampling,
    on_cluster: tuple[object, ...],
    tmp_path: Path,
    expected: list[dict[str, object]],
) -> None:
    out = tmp_path / "t.parquet"
    ended(sampling.start(out, *on_cluster))
    assert rows(out) == expected
    # Nothing is left to do.
    assert "nothing was left to do" in ended(sampling.start(out, *on_cluster))


@pytest.mark.parametrize("lost", ["worker", "machine"])
def test_what_is_lost_is_made_again(
    sampling: Sampling,
    machines: Machines,
    on_cluster: tuple[object, ...],
    tmp_path: Path,
    expected: list[dict[str, object]],
    lost: str,
) -> None:
    out = tmp_path / "t.parquet"
    child = sampling.start(out, *on_cluster)
    wait_for(lambda: [True] * kept(out))
    if lost == "worker":
        machines.kill_worker(WORKING)
    else:
        machines.kill_machine(WORKING)
    assert kept(out) < SAMPLES
    ended(child)
    assert rows(out) == expected


@pytest.mark.parametrize("then", ["ray", "local"])
def test_a_driver_that_is_killed_goes_on_where_it_was(
    sampling: Sampling,
    on_cluster: tuple[object, ...],
    tmp_path: Path,
    expected: list[dict[str, object]],
    then: str,
) -> None:
    out = tmp_path / "t.parquet"
    child = sampling.start(out, *on_cluster)
    wait_for(lambda: [True] * kept(out))
    child.kill()
    child.communicate()
    before = kept(out)
    assert 0 < before < SAMPLES
    said = ended(sampling.start(out, *(on_cluster if then == "ray" else ())))
    assert f"{before} samples from before" in said
    assert rows(out) == expected


def test_an_interrupt_keeps_what_is_finished(
    sampling: Sampling, on_cluster: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "t.parquet"
    child = sampling.start(out, *on_cluster)
    wait_for(lambda: [True] * kept(out))
    child.send_signal(signal.SIGINT)
    assert failed(child, 130) == INTERRUPTED
    assert 0 < kept(out) < SAMPLES


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("deadly", "was lost 4 times with its process or machine (ActorDiedError: "),
        ("failing", "failed (RuntimeError: out of memory); what is finished is kept, and the same"),
    ],
)
def test_a_batch_that_cannot_be_made_is_named_and_the_others_kept(
    sampling: Sampling,
    on_cluster: tuple[object, ...],
    tmp_path: Path,
    expected: list[dict[str, object]],
    kind: str,
    says: str,
) -> None:
    out = tmp_path / "t.parquet"
    line = failed(sampling.start(out, *on_cluster, kind=kind), 1)
    # The batch that holds nothing but question 5, which is the sixth.
    assert line.startswith("verigap: the batch from prompt_id 6, sample_id 1, to 6, 2: "), line
    assert says in line
    before = kept(out)
    assert 0 < before < SAMPLES
    assert f"{before} samples from before" in ended(sampling.start(out, *on_cluster))
    assert rows(out) == expected


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("unlike", (), "verigap: ray: the engine on "),
        ("refused", (), "verigap: model.gguf: no such file; check the model (on "),
        ("slow", ("--cpus-per-engine", 2), "verigap: ray: no machine has 2 CPUs for an engine; "),
        ("slow", ("--gpus-per-engine", 0.5), "verigap: ray: no machine has 1 CPUs and 0.5 GPUs"),
    ],
)
def test_engines_that_cannot_be_used(
    sampling: Sampling,
    on_cluster: tuple[object, ...],
    tmp_path: Path,
    kind: str,
    options: tuple[object, ...],
    says: str,
) -> None:
    out = tmp_path / "t.parquet"
    line = failed(sampling.start(out, *on_cluster, *options, kind=kind), 2)
    assert line.startswith(says), line
    if kind == "unlike":
        assert "has the fingerprint of " in line
        assert "put the same model on all machines" in line
    assert not out.exists()
