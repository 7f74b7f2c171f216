"""The report folder: whole files, and nobody else's."""

import json
from pathlib import Path

import pytest

from verigap.llm_validation.reporting import writing
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.markdown import HEAD
from verigap.llm_validation.reporting.page import PageFigure
from verigap.llm_validation.reporting.writing import refuse_foreign, write_files, write_report
from verigap.storage.tables import TableError

PAGE = '<!doctype html><meta name="generator" content="verigap 0">\n'
NAMES = {"report.html", "report.json", "report.md"}


def test_a_report_replaces_its_predecessor(usual: Diagnosis, tmp_path: Path) -> None:
    content = diagnosis_content(usual)
    folder = tmp_path / "new" / "report"
    assert {path.name for path in write_files(folder, content, PAGE)} == NAMES
    (folder / ".report.html.0123.tmp").write_text("left by a killed writer")
    content["seed"] = 5
    write_files(folder, content, PAGE)
    assert {path.name for path in folder.iterdir()} == NAMES
    assert json.loads((folder / "report.json").read_text())["seed"] == 5


def test_one_call_draws_renders_and_writes(usual: Diagnosis, tmp_path: Path) -> None:
    figure = PageFigure("arms", b"<svg/>", "What was drawn.")
    report = write_report(usual, tmp_path / "out", draw=lambda group: [figure], verifier="exact")
    assert report.page.count(figure.address) == len(report.content["groups"])
    assert [path.name for path in report.files] == ["report.html", "report.json", "report.md"]
    assert report.files[0].read_text() == report.page
    assert report.content["groups"][0]["verifier"] == "exact"
    again = write_report(usual, None, draw=lambda group: [figure], verifier="exact")
    assert (again.page, again.files) == (report.page, ())


@pytest.mark.parametrize(
    "name", ["notes.txt", "report.html", "report.json", "report.md", "report.html/x"]
)
def test_what_others_wrote_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(TableError, match="holds other things than a report"):
        refuse_foreign(tmp_path)


def test_a_file_is_no_folder(usual: Diagnosis, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(TableError, match="choose another path"):
            write_files(folder, diagnosis_content(usual), PAGE)


def test_reports_of_other_versions_are_replaced_and_other_files_kept(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"format": "verigap diagnosis 1"}')
    (tmp_path / "report.html").write_text(PAGE)
    (tmp_path / "report.md").write_text(HEAD)
    (tmp_path / ".report.json.0123.tmp").write_text("")
    (tmp_path / ".stages").mkdir()
    refuse_foreign(tmp_path)
    refuse_foreign(tmp_path / "missing")
    for foreign in (".report.json", "left.tmp"):
        (tmp_path / foreign).write_text("")
        with pytest.raises(TableError, match="holds other things than a report"):
            refuse_foreign(tmp_path)
        (tmp_path / foreign).unlink()


def test_a_full_disk_is_said(
    usual: Diagnosis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "write_durably", full)
    with pytest.raises(TableError, match="cannot be written \\(No space left"):
        write_files(tmp_path / "out", diagnosis_content(usual), "")


def test_lone_surrogates_are_written(usual: Diagnosis, tmp_path: Path) -> None:
    content = diagnosis_content(usual) | {"source": "\ud800"}
    write_files(tmp_path / "out", content, PAGE)
