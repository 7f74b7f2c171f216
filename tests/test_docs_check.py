"""The link checker finds what is broken and keeps quiet about what is not."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """`docs/check.py`, looking at an empty folder of its own."""
    spec = importlib.util.spec_from_file_location("docs_check", ROOT / "docs" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


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
