"""The page and the Markdown: what they say, and that traces cannot speak through them."""

import base64
import re
from html.parser import HTMLParser

import pytest

from tests.llm_validation.reporting.builders import UNTAUGHT, diagnosis, group, rows
from tests.llm_validation.reporting.conftest import ATTACKS, hostile_rows, page_of
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.markdown import render_markdown

ALLOWED = {"html", "head", "meta", "link", "title", "style", "body", "header", "section", "h1",
           "h2", "h3", "p", "strong", "bdi", "a", "div", "table", "caption", "tr", "th", "td",
           "figure", "img", "figcaption", "ul", "ol", "li", "pre"}  # fmt: skip


class Reader(HTMLParser):
    """Every tag, attribute and address of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.policy = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses |= {value or "" for name, value in attrs if name in {"src", "href"}}
        found = dict(attrs)
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""


@pytest.fixture(scope="module")
def usual_page(usual: Diagnosis) -> str:
    return page_of(diagnosis_content(usual))


def test_the_verdict_comes_first(usual: Diagnosis, usual_page: str) -> None:
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", usual_page, flags=re.DOTALL)
    (found,) = diagnosis_content(usual)["groups"]
    sentences = [text.index(row["sentence"].split(":")[0]) for row in found["verdicts"]]
    assert max(sentences) < text.index("How the data looked") < text.index("Assumptions")
    assert text.index("Assumptions") < text.index("What to do next")
    assert "18, of which 14" in text
    assert "could be verified" in text  # the group that was left out


def test_it_needs_nothing_from_elsewhere(usual_page: str) -> None:
    read = Reader(usual_page)
    assert read.policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert read.tags <= ALLOWED
    assert all(address.startswith(("data:", "#")) for address in read.addresses)


def test_the_page_says_how_good_the_prediction_is(usual_page: str) -> None:
    text = " ".join(re.sub(r"<[^>]+>", " ", usual_page).split())
    assert "“Predicted” is the parametric predictor." in text
    assert "predicted 100 % 1 20 % 100 % reused 100 % 0 0 % 100 %" in text
    assert "no gap 0 % 5 100 % unknown" in text
    assert "d = 6 [3, 12] (calibrated)" in text


def test_every_figure_is_there(usual_page: str) -> None:
    drawings = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', usual_page)
    assert len(drawings) == 7
    for drawing in drawings:
        svg = base64.b64decode(drawing).decode()
        assert "<svg" in svg
        assert "script" not in svg
    assert usual_page.count('<figure id="group-0-') == 7


def test_hostile_traces_stay_text(hostile_page: str) -> None:
    read = Reader(hostile_page)
    assert read.tags <= ALLOWED
    assert not [name for name in read.attributes if name.startswith("on")]
    assert all(address.startswith(("data:", "#")) for address in read.addresses)
    # Shown, not dropped, and without the characters that hide or reorder.
    assert "&lt;script&gt;document.title=" in hostile_page
    assert "{{ 7 * 7 }}" in hostile_page
    assert not set("\u202e\u2066\x00\x1b") & set(hostile_page)


def test_markdown_is_short_and_escaped() -> None:
    text = render_markdown(diagnosis_content(diagnosis(group(hostile_rows()))))
    assert len(text.splitlines()) < 40
    heading = next(line for line in text.splitlines() if line.startswith("## "))
    # No tag, link, image or code of theirs survives.
    assert not re.search(r"(?<!\\)[<>\[\]`*_!]", heading)
    assert ATTACKS[-1][:50] in heading
    assert "**exact check**: " in text


def test_a_group_without_numbers_is_still_a_page() -> None:
    frame = rows(correct=False).drop("first_correct")
    bare = diagnosis(group(frame, UNTAUGHT, log2_class_size=float("nan")))
    page = page_of(diagnosis_content(bare))
    assert "Undecided: no prompt has both" in page
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]+"', "", page))
    assert "unknown" in page
