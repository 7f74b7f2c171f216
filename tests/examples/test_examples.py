"""The scripts of examples/ run as they stand, and say what they are meant to say."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SAYS = {
    "bound": ("VF-UPPER: ", "n = 1024: "),
    "sweep": ("vb-plug-in", "every bound holds: True"),
    "verdict": ("select: ", "train: ", "the whole report: report/report.html"),
    "own_learner": ("vb-tilt", "vb-plug-in"),
}


def test_every_script_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.long
@pytest.mark.parametrize("name", SAYS)
def test_example(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # In this process, as they share compiled programs with each other.
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    for words in SAYS[name]:
        assert words in printed
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {
        "sweep": {"risks.png"},
        "verdict": {f"report/report.{kind}" for kind in ("html", "json", "md")},
    }.get(name, set())
