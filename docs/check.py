"""Check that every relative link and every anchor in the documentation leads somewhere.

Run by `make docs`. Links to other sites are left alone: a check that needs a network fails for
reasons that are not ours.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md", "examples/**/*.md")

INLINE = re.compile(
    r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*[\"'])?\s*\)"
)
REFERENCE = re.compile(r"^ {0,3}\[[^\]^]+\]:\s*<?([^\s>]+)>?", re.MULTILINE)
HTML = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)[\"']")
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
NAMED = re.compile(r"<[a-z][^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']")
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


def without_fences(text: str) -> str:
    """The text with fenced code blocks blanked, line numbers kept."""
    kept, fence = [], ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if fence:
            # A fence is closed by one of its own kind, at least as long, with nothing after it.
            closes = mark and mark[1].startswith(fence) and line.strip() == mark[1]
            fence = "" if closes else fence
            kept.append("")
        elif mark:
            fence = mark[1]
            kept.append("")
        else:
            kept.append(line)
    return "\n".join(kept)


def blank(match: re.Match[str]) -> str:
    """As many line breaks as the match had, and nothing else."""
    return "\n" * match[0].count("\n")


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    shown = re.sub(r"[^\w\- ]", "", shown.replace("`", "").strip().lower())
    return shown.replace(" ", "-")


def anchors(path: Path) -> set[str]:
    """Every anchor a Markdown file offers."""
    text = without_fences(path.read_text(encoding="utf-8"))
    found = set(NAMED.findall(text))
    for heading in HEADING.findall(text):
        name, again = slug(heading), 0
        while (candidate := f"{name}-{again}" if again else name) in found:
            again += 1
        found.add(candidate)
    return found


def links(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and target of every link in a Markdown file that is not inside code."""
    text = CODE_SPAN.sub(blank, without_fences(path.read_text(encoding="utf-8")))
    for pattern in (INLINE, REFERENCE, HTML):
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[1]


def complaint(document: Path, target: str) -> str | None:
    """What is wrong with a link, or None."""
    if ELSEWHERE.match(target):
        return None
    place, _, anchor = unquote(target).partition("#")
    file = (document.parent / place).resolve() if place else document
    if not file.exists():
        return "no such file"
    if not file.is_relative_to(ROOT):
        return "leaves the repository"
    if anchor and file.suffix == ".md" and anchor not in anchors(file):
        return "no such heading"
    return None


def main() -> int:
    """Print what is broken; 0 if nothing is, 1 otherwise."""
    documents = sorted({path for pattern in DOCUMENTS for path in ROOT.glob(pattern)})
    broken, seen = 0, 0
    for document in documents:
        for line, target in sorted(links(document)):
            seen += 1
            if wrong := complaint(document, target):
                broken += 1
                print(f"{document.relative_to(ROOT)}:{line}: {target}: {wrong}", file=sys.stderr)
    print(f"{len(documents)} documents, {seen} links, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
