"""Check what Sphinx does not: links as a code host resolves them, commands, digests of runs.

Run by `make docs`. Every relative link and anchor leads somewhere, outside docs/ and in docstrings
as well; commands and options exist (docs/check_commands.py); numbers from a committed run stand
beside its digest (docs/check_digests.py). Links to other sites are left alone: a check that needs a
network fails for reasons that are not ours.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import check_commands
import check_digests

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/**/*.md",
    "examples/**/*.md",
    "NOTICE.md",
    "DESCRIPTION.md",
)
CODE = ("theory", "sim", "llm_validation", "figures", "src", "benchmarks", "docs")

INLINE = re.compile(
    r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*[\"'])?\s*\)"
)
REFERENCE = re.compile(r"^ {0,3}\[[^\]^]+\]:\s*<?([^\s>]+)>?", re.MULTILINE)
HTML = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)[\"']")
HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
NAMED = re.compile(r"<[a-z][^>]*?\b(?:id|name)=[\"']([^\"']+)[\"']")
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
IN_CODE = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")
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


def in_document(document: Path) -> Iterator[tuple[int, str]]:
    """Line number and what is wrong there."""
    text = document.read_text(encoding="utf-8")
    for line, target in links(document):
        if wrong := complaint(document, target):
            yield line, f"{target}: {wrong}"
    # What changed once is told as it was then.
    if document.name != "CHANGELOG.md":
        yield from check_commands.complaints(text)
        yield from check_digests.complaints(text)


def in_code(path: Path) -> Iterator[tuple[int, str]]:
    """Line number of every page or section that a source file names and that is not there."""
    text = path.read_text(encoding="utf-8")
    for match in IN_CODE.finditer(text):
        if wrong := complaint(ROOT / "README.md", match[0]):
            yield text.count("\n", 0, match.start()) + 1, f"{match[0]}: {wrong}"


def main() -> int:
    """Print what is wrong; 0 if nothing is, 1 otherwise."""
    documents = sorted({path for pattern in DOCUMENTS for path in ROOT.glob(pattern)})
    sources = sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))
    wrong = [(path, *found) for path in documents for found in in_document(path)]
    wrong += [(path, *found) for path in sources for found in in_code(path)]
    for path, line, what in sorted(wrong):
        print(f"{path.relative_to(ROOT)}:{line}: {what}", file=sys.stderr)
    print(f"{len(documents)} documents, {len(sources)} source files: {len(wrong)} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
