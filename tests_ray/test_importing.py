"""Imports by Ray: the table of the local import byte by byte, whatever is lost meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests_ray.importing import DEADLY, LOGS, Importing, write_expressions
from tests_ray.machines import Machines, wait_for
from tests_ray.sampling import ended, failed
from tests_ray.test_one_machine import assert_gone, started

WORKING = "BlockReader.work"
ROWS = 2048


@pytest.fixture
def on_cluster(machines: Machines) -> tuple[object, ...]:
    return ("--engine", "ray", "--address", machines.address)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    write_expressions(path, ROWS)
    return path


@pytest.fixture(scope="module")
def expected(log: Path) -> bytes:
    """The table of the local import."""
    out = log.with_name("local.parquet")
    importing = Importing(log.parent)
    ended(importing.start(log, "--out", out, "--drop-text"))
    return out.read_bytes()


def test_a_ray_of_its_own_makes_the_table_of_the_local_import(
    importing: Importing, tmp_path: Path, log: Path, expected: bytes
) -> None:
    out = tmp_path / "t.parquet"
    child = importing.start(log, "--out", out, "--drop-text", "--json", "--engine", "ray")
    wait_for(lambda: [each for each in started(child) if WORKING in each.command])
    below = started(child)
    report = json.loads(ended(child))
    assert (report["samples"], report["correct"], report["ungraded"]) == (ROWS, ROWS // 8, 0)
    assert out.read_bytes() == expected
    assert_gone(below)


def test_every_format_is_read_as_the_local_import_reads_it(
    machines: Machines, tmp_path: Path
) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests_ray.importing", machines.address, tmp_path],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.stdout == f"{len(LOGS)} of {len(LOGS)}\n", child.stderr


@pytest.mark.parametrize("lost", ["worker", "machine"])
def test_what_is_lost_is_read_again(
    importing: Importing,
    machines: Machines,
    on_cluster: tuple[object, ...],
    tmp_path: Path,
    log: Path,
    expected: bytes,
    lost: str,
) -> None:
    out = tmp_path / "t.parquet"
    child = importing.start(log, "--out", out, "--drop-text", "--json", *on_cluster)
    if lost == "worker":
        machines.kill_worker(WORKING)
    else:
        machines.kill_machine(WORKING)
    assert not out.exists()
    ended(child)
    assert out.read_bytes() == expected


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("many", "b.jsonl, line 600: n_tokens is 'many', not a"),
        (-1, "b.jsonl, line 600: n_tokens is -1"),
    ],
)
def test_a_bad_row_is_named_as_locally(
    importing: Importing,
    on_cluster: tuple[object, ...],
    tmp_path: Path,
    number: object,
    says: str,
) -> None:
    write_expressions(tmp_path / "a.jsonl", 300)
    write_expressions(tmp_path / "b.jsonl", 600, first=100, number=number)
    # It is read with the blocks before, and must not be named in their place.
    (tmp_path / "c.jsonl").write_text("{}\n")
    files = ("table", "a.jsonl", "b.jsonl", "c.jsonl", "--out", "t.parquet")
    local = failed(importing.start(*files), 2)
    assert says in local
    assert failed(importing.start(*files, *on_cluster), 2) == local
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl", "c.jsonl"]
    files = (*files, "--on-error", "skip", "--json")
    report = json.loads(ended(importing.start(*files)))
    assert report["skipped"] == 2
    whole = (tmp_path / "t.parquet").read_bytes()
    assert json.loads(ended(importing.start(*files, *on_cluster))) == report
    assert (tmp_path / "t.parquet").read_bytes() == whole


def test_an_interrupt_leaves_nothing(
    importing: Importing, machines: Machines, on_cluster: tuple[object, ...], tmp_path: Path,
    log: Path,
) -> None:  # fmt: skip
    child = importing.start(log, "--out", "t.parquet", *on_cluster)
    wait_for(lambda: machines.working(WORKING))
    child.send_signal(signal.SIGINT)
    assert failed(child, 130) == "verigap: interrupted"
    assert list(tmp_path.iterdir()) == []


def test_records_that_end_every_reader_are_named(
    importing: Importing, on_cluster: tuple[object, ...], tmp_path: Path
) -> None:
    lines = [json.dumps({"asked": f"p{i}", "dies": i == 300}) for i in range(400)]
    (tmp_path / "lines.jsonl").write_text("\n".join(lines))
    line = failed(importing.start(DEADLY, "lines.jsonl", "--out", "t.parquet", *on_cluster), 1)
    assert line.startswith(
        "verigap: the records from lines.jsonl, line 257 to lines.jsonl, line 400: was lost 4 times"
    ), line
    assert not (tmp_path / "t.parquet").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--engine", "here"), "verigap: --engine: unknown engine 'here'; use local or ray"),
        (("--address", "auto"), "verigap: --address: auto is that of a Ray cluster; --engine has"),
        (
            ("--engine", "ray", "--address", "127.0.0.1:1"),
            "verigap: --address: no Ray cluster answers at 127.0.0.1:1",
        ),
    ],
)
def test_an_engine_that_there_is_not(
    importing: Importing, tmp_path: Path, log: Path, options: tuple[object, ...], says: str
) -> None:
    line = failed(importing.start(log, "--out", tmp_path / "t.parquet", *options), 2)
    assert line.startswith(says), line
