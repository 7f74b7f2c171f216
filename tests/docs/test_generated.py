"""What the pages have from the code is what the code says, and leads somewhere from both sides."""

import inspect
from dataclasses import replace
from pathlib import Path

import bound_links
import gallery_entries
import generated
import pytest

from verigap.figures import FIGURES
from verigap.theory import BOUNDS, Bound

ROOT = Path(__file__).parents[2]


@pytest.mark.pages
@pytest.mark.parametrize("page", generated.MADE)
def test_no_page_is_behind_the_code(page: str) -> None:
    assert [path.name for path, _ in generated.stale([page])] == []


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("bounds.md", "theory/bounds/vf_lower.py"),
        ("theory.md", "tests/theory/test_vf_lower.py"),
        ("gallery.md", "figures/scaling.png"),
    ],
)
def test_a_page_that_was_changed_by_hand_is_noticed_and_mended(page: str, shown: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert shown in text
    assert generated.MADE[page](text.replace(shown, "elsewhere.py")) == text


@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
def test_a_bound_is_found_from_both_sides(bound: Bound) -> None:
    at = bound_links.places(bound)
    assert at.tests, f"no test in tests/theory names {bound.name}"
    for path in (at.module, *at.tests):
        assert (ROOT / path).is_file(), path
    assert f"def {at.function}(" in (ROOT / at.module).read_text(encoding="utf-8")
    assert f"Proof: {bound.proof}." in (inspect.getdoc(bound.value) or "")
    theory = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    assert f"\n### {bound.name}\n\n{bound_links.line(at)}\n" in theory


def test_the_places_of_vf_lower() -> None:
    at = bound_links.places(BOUNDS["VF-LOWER"])
    assert (at.module, at.function) == ("theory/bounds/vf_lower.py", "vf_lower")
    assert "tests/theory/test_vf_lower.py" in at.tests
    assert {"scaling", "tightness"} <= set(at.figures)
    # A name is no part of another: VF-LOWER-MEDIAN is drawn in neither by name.
    assert bound_links.places(BOUNDS["VF-LOWER-MEDIAN"]).figures == ()


def test_a_bound_without_a_heading_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unproved = replace(BOUNDS["VF-LOWER"], name="VF-NOWHERE")
    monkeypatch.setattr(bound_links, "BOUNDS", {"VF-NOWHERE": unproved})
    monkeypatch.setattr(generated, "MADE", {"theory.md": bound_links.theory_page})
    assert generated.main() == 2
    said = capsys.readouterr().out
    assert said == "docs/theory.md: no heading VF-NOWHERE; prove the bound there\n"
    with pytest.raises(ValueError, match="no heading VF-NOWHERE"):
        bound_links.theory_page("# Theory\n\n### VF-LOWER\n\nText.\n")


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_in_the_gallery_with_its_caption_and_command(name: str) -> None:
    gallery = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    caption = (ROOT / "docs" / "figures" / f"{name}.txt").read_text(encoding="utf-8").strip()
    section = gallery.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert gallery_entries.plain(caption) in section
    assert f"(figures/{name}.png)" in section
    assert f"`verigap figures {name}`" in section
    assert (ROOT / "docs" / "figures" / f"{name}.png").is_file()
