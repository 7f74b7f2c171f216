"""A page as its reader takes it apart: tags, attributes, addresses and text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

ALLOWED = {"html", "head", "meta", "link", "title", "style", "body", "header", "section", "h1",
           "h2", "h3", "p", "strong", "small", "bdi", "a", "div", "table", "tr", "th", "td",
           "figure", "img", "figcaption", "details", "summary", "ul", "ol", "li",
           "pre"}  # fmt: skip
_WITHOUT_END = {"meta", "link", "img", "br"}


class Reader(HTMLParser):
    """Every tag, attribute and address of a page.

    Attributes:
      tags, attributes, addresses: all that there are.
      identities: every `id`, in order.
      described_by: every `id` that a table names.
      policy: the content security policy.
      unbalanced: tags that were closed out of order, or never.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.identities: list[str] = []
        self.described_by: set[str] = set()
        self.policy = ""
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in _WITHOUT_END:
            self._open.append(tag)
        found = {name: value or "" for name, value in attrs}
        self.attributes |= found.keys()
        self.addresses |= {found[name] for name in ("src", "href") if name in found}
        self.identities += [found["id"]] if "id" in found else []
        self.described_by |= {found[key] for key in ("aria-describedby", "aria-labelledby")
                              if key in found}  # fmt: skip
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)


def text_of(page: str) -> str:
    """What a page says, on one line, without its style and its tags."""
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(text.split())
