"""Where each bound is stated, computed, tested and drawn: one table and a line under each heading.

Everything comes from the registry of bounds, from the tests that name a bound and from the figures
that do; docs/generated.py writes it into docs/bounds.md and docs/theory.md.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from verigap.figures import FIGURES
from verigap.theory import BOUNDS, Bound

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- made by docs/generated.py -->", "<!-- end -->"
LINE = "*In the code:* "
# It tests all bounds alike; the tests of one bound are the others.
SHARED = "test_bounds_registry.py"


@dataclass(frozen=True)
class Places:
    """Where one bound is: paths relative to the repository, names of figures."""

    bound: Bound
    module: str
    function: str
    tests: tuple[str, ...]
    figures: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Of its heading in docs/theory.md."""
        return self.bound.proof.partition("#")[2]


def places(bound: Bound) -> Places:
    """Where a bound is computed, tested and drawn."""
    function = bound.value
    module = function.__module__.removeprefix("verigap.").replace(".", "/") + ".py"
    constant = bound.name.replace("-", "_")
    # By its registry name, its constant or a call, and not as a part of another name.
    names = re.compile(
        rf'"{bound.name}"|(?<![\w-]){constant}(?![\w-])|(?<![\w.-]){function.__name__}\('
    )
    tests = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests" / "theory").glob("test_*.py"))
        if path.name != SHARED and names.search(path.read_text(encoding="utf-8"))
    ]
    drawn = [
        name
        for name, figure in FIGURES.items()
        if names.search(Path(str(figure.__file__)).read_text(encoding="utf-8"))
    ]
    return Places(bound, module, function.__name__, tuple(tests), tuple(drawn))


def _code(at: Places) -> str:
    return f"[`{at.function}`](../{at.module})"


def _tests(at: Places) -> str:
    named = ((Path(path).stem.removeprefix("test_"), path) for path in at.tests)
    return ", ".join(f"[{name}](../{path})" for name, path in named)


def _figures(at: Places) -> str:
    return ", ".join(f"[{name}](gallery.md#{name})" for name in at.figures)


def line(at: Places) -> str:
    """What stands under the heading of a bound."""
    drawn = f"; drawn in {_figures(at)}" if at.figures else ""
    return f"{LINE}{_code(at)}; tested in {_tests(at)}{drawn}."


def table() -> str:
    """One row a bound."""
    rows = [
        "| statement and proof | in words | computed by | drawn in | tested in |",
        "|---|---|---|---|---|",
    ]
    for bound in BOUNDS.values():
        at = places(bound)
        proof = f"[{bound.name}](theory.md#{at.anchor})"
        cells = (proof, bound.title, _code(at), _figures(at) or "–", _tests(at))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def bounds_page(text: str) -> str:
    """docs/bounds.md with its table as it should be."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def theory_page(text: str) -> str:
    """docs/theory.md with the line under every bound's heading as it should be."""
    for bound in BOUNDS.values():
        heading = f"\n### {bound.name}\n\n"
        before, found, after = text.partition(heading)
        if not found:
            raise ValueError(f"docs/theory.md: no heading {bound.name}; prove the bound there")
        if after.startswith(LINE):
            after = after.partition("\n\n")[2]
        text = f"{before}{heading}{line(places(bound))}\n\n{after}"
    return text
