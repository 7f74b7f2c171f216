"""What stands in a console block on a page is what the commands print."""

from pathlib import Path

import consoles
import pytest


@pytest.mark.pages
@pytest.mark.parametrize("page", consoles.pages(), ids=lambda page: page.stem)
def test_the_commands_print_what_the_page_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert consoles.renewed(page) == text, f"python docs/consoles.py --write {page}"


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a 1\nb", "a 1  \nb\n\n", True),
        ("a 1", "a 2", False),
        ("a", "a\nb", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nd", True),
        ("a\n...", "b\na", False),
        ("a.c", "abc", False),
        ("", "", True),
    ],
)
def test_only_elided_lines_may_differ(shown: str, printed: str, same: bool) -> None:
    assert consoles.matches(shown, printed) is same


def test_commands_of_a_page_share_a_folder_and_may_span_lines(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    block = "```console\n$ echo 1 > runs/x; \\\n  echo two\ntwo\n$ cat runs/x\n{}\n```\n"
    page.write_text(f"Text.\n\n{block.format(1)}")
    assert consoles.renewed(page) == page.read_text()
    page.write_text(f"Text.\n\n{block.format(2)}")
    assert consoles.renewed(page) == f"Text.\n\n{block.format(1)}"


def test_a_command_that_fails_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ verigap check runs/none\n```\n")
    with pytest.raises(ValueError, match="exit code 2"):
        consoles.renewed(page)
    page.write_text("```console\nverigap --version\n```\n")
    with pytest.raises(ValueError, match="begins with"):
        consoles.renewed(page)
