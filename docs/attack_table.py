"""The table of docs/bounds.md that says how near the worst instance of every bound comes.

It is made of the instances that `make attack` keeps for the tests, evaluated again.
"""

from pathlib import Path

from verigap.sim.attacks import REGIMES, Finding, read_instances, verify
from verigap.theory import BOUNDS

ROOT = Path(__file__).resolve().parent.parent
INSTANCES = ROOT / "tests" / "sim" / "attacks" / "worst_instances.json"
BEGIN, END = "<!-- worst instances, made by docs/generated.py -->", "<!-- end -->"

BEFORE = {
    "VF-UPPER": "0.992",
    "VF-LOWER": "1.00",
    "VF-LOWER-PROPER": "0.999999",
    "VF-LOWER-PROBABILITY": "1.000",
    "VB-UPPER-EXPECTATION": "0.217",
    "VB-UPPER-PLUG-IN": "0.90",
    "SEPARATION": "0.943",
}
"""The largest closeness known before there was a search, where one was known."""


def _number(found: Finding | None) -> str:
    """Four digits, cut and not rounded, so that 1 is said of no smaller number; fractions bold."""
    if found is None:
        return "–"
    near = found.closeness if found.in_fractions is None else found.in_fractions
    shown = f"{int(near * 1e4) / 1e4:.4f}"
    return shown if found.in_fractions is None else f"**{shown}**"


def table() -> str:
    """One row a bound, one column a regime."""
    rows = [
        f"| bound | before | {' | '.join(REGIMES)} | worst in |",
        "|---|---|" + "---|" * (len(REGIMES) + 1),
    ]
    kept = read_instances(INSTANCES)
    for name in BOUNDS:
        found = {regime: each and verify(each) for regime, each in kept[name].items()}
        numbers = [_number(found[regime]) for regime in REGIMES]
        worst = found["anywhere"]
        space = "–" if worst is None else worst.instance.space
        link = f"[{name}](theory.md#{BOUNDS[name].proof.partition('#')[2]})"
        rows.append(f"| {link} | {BEFORE.get(name, '–')} | {' | '.join(numbers)} | {space} |")
    return "\n".join(rows)


def attacks_page(text: str) -> str:
    """docs/bounds.md with this table as it should be."""
    head, begin, rest = text.partition(BEGIN)
    if not begin:
        raise ValueError(f"docs/bounds.md: no line {BEGIN}")
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"
