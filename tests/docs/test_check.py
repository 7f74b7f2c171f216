"""The checks of the pages find what is broken and keep quiet about what is not."""

from pathlib import Path
from types import ModuleType

import check as docs_check
import check_digests
import pytest


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """`docs/check.py`, looking at an empty folder of its own."""
    monkeypatch.setattr(docs_check, "ROOT", tmp_path)
    monkeypatch.setattr(check_digests, "ROOT", tmp_path)
    return docs_check


@pytest.mark.parametrize(
    "text",
    [
        "[a](other.md)",
        "[a](other.md#two-words)",
        "[a](other.md#two-words-1)",
        "[a](#here)\n\n## Here",
        "![a](other.md 'title')",
        "[a][r]\n\n[r]: other.md",
        "[`code` and [brackets]](other.md)",
        "[a](https://example.org/none#at-all)",
        "```\n[a](none.md)\n```",
        "````\n```\n[a](none.md)\n````",
        "`[a](none.md)`",
    ],
)
def test_sound_links_pass(check: ModuleType, tmp_path: Path, text: str) -> None:
    (tmp_path / "other.md").write_text("# Two *words*\n\n## Two `words`\n")
    (tmp_path / "README.md").write_text(text + "\n")
    assert check.main() == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[a](none.md)", 1),
        ("\n\n[a](other.md#three-words)", 3),
        ("[a](#nowhere)", 1),
        ("```\n```\n![a](none.png)", 3),
        ("[a][r]\n\n[r]: none.md", 3),
        ('<img src="none.png">', 1),
    ],
)
def test_broken_links_are_named_with_their_line(
    check: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    line: int,
) -> None:
    (tmp_path / "other.md").write_text("# Two words\n")
    (tmp_path / "README.md").write_text(text + "\n")
    assert check.main() == 1
    assert f"README.md:{line}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```sh\nverigap swep x.yaml\n```", "verigap swep: no such command"),
        ("a\n\n`verigap sweep x.yaml --oot x`", "verigap sweep --oot: no such option"),
        ("```console\n$ verigap check x --jsn\n```", "verigap check --jsn: no such option"),
        ("```sh\nFULL=1 make figure\n```", "make figure: no such target"),
    ],
)
def test_what_cannot_be_typed_is_named(
    check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    (tmp_path / "README.md").write_text(text)
    assert check.main() == 1
    assert says in capsys.readouterr().err


def test_what_can_be_typed_passes(check: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(
        "```sh\nverigap sweep x.yaml --out \\\n  r --json  # --no such\nmake docs\n```\n"
        "verigap swep, `see verigap.theory`\n"
    )
    assert check.main() == 0


def test_source_files_name_sections_that_exist(
    check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("docs", "theory"):
        (tmp_path / folder).mkdir()
    (tmp_path / "docs" / "theory.md").write_text("# Theory\n")
    (tmp_path / "theory" / "a.py").write_text('"""Proof: docs/theory.md#theory."""\n')
    assert check.main() == 0
    (tmp_path / "theory" / "a.py").write_text('"""Two.\n\nProof: docs/theory.md#lemma.\n"""\n')
    assert check.main() == 1
    assert "theory/a.py:3: docs/theory.md#lemma: no such heading" in capsys.readouterr().err


def test_a_run_is_cited_with_its_digest(
    check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "docs" / "runs" / "r"
    (run / "cells").mkdir(parents=True)
    (run / "config.yaml").write_text("seed: 0\n")
    cell = run / "cells" / "c.parquet"
    cell.write_bytes(b"1")
    page = tmp_path / "README.md"
    page.write_text("From `docs/runs/r`.")
    assert check.main() == 1
    assert f"sha256 `{check_digests.digest(run)}`" in capsys.readouterr().err
    page.write_text(
        f"`docs/runs/r` (sha256 `{check_digests.digest(run)}`; 3 cells), `docs/runs/r`."
    )
    assert check.main() == 0
    cell.write_bytes(b"2")
    assert check.main() == 1
    assert "another run now" in capsys.readouterr().err
