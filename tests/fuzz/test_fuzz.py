"""The fuzzer sees what it is there to see, and one minute of it sees nothing.

`make fuzz` takes ten minutes, guided by what the inputs reach.
"""

from __future__ import annotations

import contextlib
import random
import re
from itertools import permutations
from pathlib import Path

import pytest

from tests.cli.fault_trials import Record
from tests.fuzz import planted
from tests.fuzz.campaign import fuzz, table
from tests.fuzz.judging import Slow, complaint
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import configs, law_tables, logs, texts
from tests.fuzz.targets import suffix, targets
from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces
from verigap.llm_validation.importers.grading import Grader
from verigap.sim.sweeps.config import ConfigError
from verigap.storage.tables import TableError, load_frame

SECONDS = 60.0


def raised(call) -> BaseException:
    with pytest.raises(BaseException) as info:  # noqa: PT011
        call()
    return info.value


def test_only_a_line_of_ours_is_a_refusal() -> None:
    ours = raised(lambda: load_frame("/nowhere", len, "a table"))  # pyright: ignore[reportArgumentType]
    assert isinstance(ours, TableError)
    assert complaint(ours) is None
    assert complaint(ours, refuses=False) is not None
    assert complaint(raised(lambda: int("x"))) is not None
    assert complaint(raised(lambda: Path("/nowhere").read_bytes())) is None
    assert complaint(raised(lambda: {}["a"])) is not None
    assert complaint(Slow()) is not None


@pytest.mark.parametrize("seeds", [configs, law_tables, texts, logs("inspect"), logs("lm-eval")])
def test_mutations_differ_and_are_the_same_again(seeds) -> None:
    valid = frozenset(seeds())
    first, again = ([mutated(data, random.Random(i), valid) for data in sorted(valid)
                     for i in range(20)] for _ in range(2))  # fmt: skip
    assert first == again
    assert len(set(first)) > 0.7 * len(first)


def test_every_seed_of_a_target_is_read(tmp_path: Path) -> None:
    some = {name: target for name, target in targets().items()
            if name in ("config", "laws", "run folder", "questions", "kept stage")}  # fmt: skip
    for name, target in some.items():
        accepted = 0
        for number, data in enumerate(target.seeds()):
            (folder := tmp_path / name / str(number)).mkdir(parents=True)
            # A configuration that comes with the toolkit names a table which a command makes.
            with contextlib.suppress(ConfigError):
                target.feed(data, folder)
                accepted += 1
        assert accepted, name


@pytest.mark.long
@pytest.mark.parametrize("name", targets())
def test_a_reader_accepts_one_of_its_seeds(tmp_path: Path, name: str) -> None:
    """Otherwise all that is fuzzed is what refuses."""
    target = targets()[name]
    for number, data in enumerate(target.seeds()):
        (folder := tmp_path / str(number)).mkdir()
        with contextlib.suppress(ValueError):
            target.feed(data, folder)
            return
    pytest.fail("none is accepted")


@pytest.mark.long
@pytest.mark.parametrize("form", sorted({*FORMATS} - {"helm"}))
def test_of_several_files_the_altered_one_is_named(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Grader, "settle", lambda _, pending: [None for _ in pending])
    valid, draw = logs(form)(), random.Random(form)
    sound = next(data for data in valid if refusal(form, tmp_path, ("sound", data)) is None)
    for _ in range(6):
        altered = mutated(draw.choice(valid), draw, frozenset(valid))
        for files in permutations([("sound", sound), ("altered", altered)]):
            said = refusal(form, tmp_path, *files)
            if said is not None and not ANY_FILE.search(said):
                assert "altered" in said, said


ANY_FILE = re.compile("^metric: |^scorer: |where the table counts")
"""A choice is to be made for all files, and units differ between two of them."""


def refusal(form: str, folder: Path, *files: tuple[str, bytes]) -> str | None:
    """What an import of files says of why it is refused, without the folder."""
    paths = [folder / f"{name}{suffix(data)}" for name, data in files]
    for path, (_, data) in zip(paths, files, strict=True):
        path.write_bytes(data)
    try:
        import_traces(FORMATS[form], paths, folder / "out.parquet", ImportOptions(dataset="d"))
    except ValueError as error:
        return str(error).replace(f"{folder}/", "")
    return None


@pytest.mark.long
@pytest.mark.parametrize("name", planted.READERS)
def test_what_goes_wrong_is_found(tmp_path: Path, name: str) -> None:
    account = fuzz(name, 5.0, tmp_path, guided=False, module="tests.fuzz.planted")
    assert account.inputs > 0 or name == "dies"
    says = planted.READERS[name][1]
    if says is None:
        assert account.defects == {}
    else:
        assert any(says in problem for problem in account.defects), account.defects
    assert name in table([account])


@pytest.mark.long
@pytest.mark.parametrize("name", targets())
def test_one_minute(tmp_path: Path, name: str, record_property: Record) -> None:
    account = fuzz(name, SECONDS / len(targets()), tmp_path, guided=False)
    record_property("fuzzed", account.inputs)
    assert account.inputs > 0
    assert account.defects == {}
