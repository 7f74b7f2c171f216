"""Links that work on a code host and on the site.

A page links to a file by its relative path, as a code host wants it. On the site a module leads to
its entry in the API reference (and [`name`](path.py) to that name in it), a document outside docs/
to the page that shows it, a folder nowhere, and any other file is copied and offered as a download.
"""

import re
from importlib import import_module
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

from sphinx.application import Sphinx

# Documents outside docs/, each shown by a page that only points to it.
SHOWN = {
    "README.md": "readme",
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "NOTICE.md": "notice",
    "examples/README.md": "example-data",
}
PACKAGES = ("theory", "sim", "llm_validation", "figures")
ROOT = Path(__file__).resolve().parents[2]

_LINK = re.compile(
    r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)"
)
_FENCED = re.compile(r"^(`{3,}).*?^\1`*\s*$", re.MULTILINE | re.DOTALL)


def on_site(match: re.Match[str], written_in: str, shown_in: str) -> str:
    """A link as the site wants it.

    Args:
      match: of a link with a relative path.
      written_in: the document it stands in, relative to the repository.
      shown_in: name of the page, relative to docs/.
    """
    text, anchor = match["text"], match["anchor"] or ""
    path = normpath(join(dirname(written_in), match["path"]))
    here = join("docs", dirname(shown_in))
    if path in SHOWN:
        path = f"docs/{SHOWN[path]}.md"
    elif path.endswith(".py") and path.split("/")[0] in PACKAGES:
        module = "verigap." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        name = text.strip("`")
        known = name.isidentifier() and hasattr(import_module(module), name)
        return f"[{text}](#{module}{'.' + name if known else ''})"
    elif (ROOT / path).is_dir():
        return text
    return f"{match['image']}[{text}]({relpath(path, here)}{anchor})"


def rewrite(text: str, written_in: str, shown_in: str) -> str:
    """All links of a document outside code blocks."""
    pieces, end = [], 0
    for block in _FENCED.finditer(text):
        pieces += [(text[end : block.start()], True), (block[0], False)]
        end = block.end()
    pieces.append((text[end:], True))
    return "".join(
        _LINK.sub(lambda match: on_site(match, written_in, shown_in), piece) if prose else piece
        for piece, prose in pieces
    )


def _read(app: Sphinx, docname: str, content: list[str]) -> None:
    if Path(app.env.doc2path(docname)).suffix != ".md":
        return
    shown = {page: document for document, page in SHOWN.items()}.get(docname)
    if shown is not None:
        app.env.note_dependency(str(ROOT / shown))
        content[0] = (ROOT / shown).read_text(encoding="utf-8")
    content[0] = rewrite(content[0], shown or f"docs/{docname}.md", docname)


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite links as sources are read."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
