"""The parts of the pages that are made from the code.

python docs/generated.py          # say what is out of date; exit code 1 if anything is
python docs/generated.py --write  # bring it up to date
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from attack_table import attacks_page
from bound_links import bounds_page, theory_page
from erring_tables import erring_verifiers_page
from gallery_entries import gallery_page
from import_accuracies import importing_page
from method_tables import at_test_time_page, comparison_page
from score_tables import scores_page
from zoo_tables import zoo_part

DOCS = Path(__file__).resolve().parent
MADE = {
    "bounds.md": lambda text: attacks_page(bounds_page(text)),
    "gallery.md": gallery_page,
    "importing.md": importing_page,
    "learners/at-test-time.md": lambda text: scores_page(at_test_time_page(text)),
    "learners/comparison.md": lambda text: zoo_part(comparison_page(text)),
    "learners/erring-verifiers.md": erring_verifiers_page,
    "theory.md": theory_page,
}


def stale(pages: Iterable[str] | None = None) -> Iterator[tuple[Path, str]]:
    """Every one of the pages (all, if none is named) that is out of date, and what it should be."""
    for name in MADE if pages is None else pages:
        path = DOCS / name
        text = path.read_text(encoding="utf-8")
        if (made := MADE[name](text)) != text:
            yield path, made


def main() -> int:
    """Compare, or write."""
    write = "--write" in sys.argv[1:]
    try:
        found = list(stale())
    except ValueError as error:
        print(error)
        return 2
    for path, made in found:
        if write:
            path.write_text(made, encoding="utf-8")
        else:
            print(f"docs/{path.relative_to(DOCS)}: run python docs/generated.py --write")
    return 0 if write else min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
