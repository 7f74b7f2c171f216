"""The gallery: for every figure its image, caption, data, command, and the bounds drawn in it."""

import re
from pathlib import Path

from bound_links import BEGIN, places
from check_digests import digest

from verigap.figures import FIGURES
from verigap.figures.needs import Need, Run
from verigap.theory import BOUNDS

ROOT = Path(__file__).resolve().parent.parent


def plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>$|~])", r"\\\1", text)


def _file(path: str) -> str:
    return f"[{path}](../{path})"


def source(need: Need) -> str:
    """What a figure is drawn from, with the digest of the committed run."""
    if isinstance(need, Run):
        run = need.committed or f"docs/runs/{Path(need.config).stem}"
        kept = f", kept in `{run}` (sha256 `{digest(ROOT / run)}`)"
        full = f"; in full, {_file(need.full)}" if need.full else ""
        return f"a run of {_file(need.config)}{kept}{full}"
    read = f"from {', '.join(map(_file, need.tables))}" if need.tables else "exactly, from no data"
    return f"what its code computes {read}"


def entry(name: str) -> str:
    """The section of one figure."""
    figure = FIGURES[name]
    caption = (ROOT / "docs" / "figures" / f"{name}.txt").read_text(encoding="utf-8").strip()
    sources = "; ".join(source(need) for need in figure.NEEDS.values())
    bounds = [at for at in map(places, BOUNDS.values()) if name in at.figures]
    links = ", ".join(f"[{at.bound.name}](theory.md#{at.anchor})" for at in bounds)
    return "\n\n".join(
        [
            f"## {name}",
            plain(figure.SHOWS),
            f"![{plain(figure.SHOWS)}](figures/{name}.png)",
            plain(caption),
            f"*Drawn by* `verigap figures {name}`, [code](../{_path(name)}), *from* {sources}."
            + (f" *Bounds in it:* {links}." if links else ""),
        ]
    )


def _path(name: str) -> str:
    return f"{FIGURES[name].__name__.removeprefix('verigap.').replace('.', '/')}.py"


def gallery_page(text: str) -> str:
    """docs/gallery.md with its entries as they should be; they end the page."""
    head = text.partition(BEGIN)[0]
    return "\n\n".join([head + BEGIN, *map(entry, FIGURES)]) + "\n"
