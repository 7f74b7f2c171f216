"""How often the verdicts of `verigap diagnose` are false, where the truth is known.

    python -m benchmarks.verdict_errors [--repetitions 100] [--prompts 25,50,100,200,400]

Each repetition draws new prompts and samples, and decides as `diagnose` does: N = 8 of 16 samples a
prompt, n = 256, chi-square leash 1, accuracy. Fewer than 100 prompts are repeated more often, so
that all numbers of prompts see about as many.

The truth is each arm's expected accuracy: that of arms that learn nothing is the mean over all
tables of the population, that of a learned arm the mean over all tables of that many prompts, each
with its own training data; every prompt is valued by learners that did not see it. A verdict is
false if it is not true of these numbers at the margin that it was made with: "verify" or "train",
where the arm's true gain over the best arm without is at most the margin; an arm without, where it
loses more than the margin to the best arm. Nominal: 10 % of each.

The second table is of the hardest case: the margin is given, and is the true gain of the best arm
with a verifier (or with training) over the best without. Both kinds of verdict are then false.

A star marks a share that is above 10 % with p < 0.001.

The values of every table are kept in a folder, and a run goes on from there; delete it after a
change of an arm.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy import stats

from benchmarks.verdict_populations import POPULATIONS, Population
from verigap.llm_validation.deciding import selection, training
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import Decision, decide, margin_of
from verigap.llm_validation.pools.leashes import Leash
from verigap.storage.files import write_durably

PROMPTS = (25, 50, 100, 200, 400)
CANDIDATES, LABELS, RADIUS = 8, 256, 1.0
NOMINAL = 0.1
_SURE = 0.001
# A gain that is no more than this cannot be made a margin.
_LEAST_GAIN = 0.003
_EVEN = 100

What = Literal["select", "train"]
Kind = Literal["more", "plain", "undecided"]
PLAIN: dict[What, tuple[str, ...]] = {
    "select": selection.WITHOUT_VERIFIER,
    "train": training.UNTRAINED,
}
MORE: dict[What, tuple[str, ...]] = {
    "select": (*selection.BY_SCORE, *selection.BY_LEARNED),
    "train": training.TRAINED,
}

_BESIDE = dict.fromkeys(selection.BY_LEARNED, "vote") | dict.fromkeys(training.TRAINED, "base")


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """Accuracy of every arm on every prompt of R tables, and prompts of mixed outcome.

    Attributes:
      values: by arm of selection and of training.
      shifts: by learned arm; see `HeldOut`.
      mixed: of each table.
    """

    values: dict[str, Float[np.ndarray, "R P"]]
    shifts: dict[str, Float[np.ndarray, "R pairs"]]
    mixed: Float[np.ndarray, " R"]

    @property
    def repetitions(self) -> int:
        """R."""
        return len(self.mixed)

    def means(self) -> dict[str, float]:
        """Mean accuracy of every arm over all prompts of all tables."""
        return {arm: float(values.mean()) for arm, values in self.values.items()}

    @classmethod
    def joined(cls, parts: Sequence[Tables]) -> Tables:
        """Several of as many prompts, one after the other."""
        first = parts[0]
        return cls(
            values={arm: np.concatenate([t.values[arm] for t in parts]) for arm in first.values},
            shifts={arm: np.concatenate([t.shifts[arm] for t in parts]) for arm in first.shifts},
            mixed=np.concatenate([t.mixed for t in parts]),
        )

    def first(self, repetitions: int) -> Tables:
        """The first of them."""
        return Tables(
            values={arm: v[:repetitions] for arm, v in self.values.items()},
            shifts={arm: v[:repetitions] for arm, v in self.shifts.items()},
            mixed=self.mixed[:repetitions],
        )

    @classmethod
    def read(cls, path: Path) -> Tables:
        """Those that were written."""
        with np.load(path) as stored:
            named = {name: stored[name] for name in stored.files}
        return cls(
            values={
                n.removeprefix("value "): v for n, v in named.items() if n.startswith("value ")
            },
            shifts={
                n.removeprefix("shift "): v for n, v in named.items() if n.startswith("shift ")
            },
            mixed=named["mixed"],
        )

    def write(self, path: Path) -> None:
        """Write them, all or nothing."""
        named = {f"value {arm}": v for arm, v in self.values.items()}
        named |= {f"shift {arm}": v for arm, v in self.shifts.items()}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, mixed=self.mixed, **named)  # pyright: ignore[reportArgumentType]
        write_durably(path, buffer.getvalue())


def table(population: Population, prompts: int, repetition: int) -> Tables:
    """Values of all arms on one table."""
    found = population.outcomes(np.random.default_rng([repetition, prompts]), prompts)
    selected = selection.select(
        found, labels=LABELS, num_candidates=CANDIDATES, counts=(CANDIDATES,), seed=repetition
    )
    # Without answers there is no vote after training, which takes time and is not judged here.
    trained = training.train(
        replace(found, answer=np.full_like(found.answer, -1)),
        data_budgets=(LABELS,),
        leash=Leash("chi2", RADIUS),
        num_candidates=CANDIDATES,
        seed=repetition,
    )
    # Both have a leading axis of length 1, for N and for n.
    return Tables(
        values=selected.values["accuracy"]
        | trained.values["accuracy"][0]
        | {"expert": trained.expert["accuracy"][None]},
        shifts=selected.shifts["accuracy"] | trained.shifts["accuracy"][0],
        mixed=np.array([float(selected.mixed)]),
    )


def decisions(
    tables: Tables, what: What, worth: float | None = None
) -> Iterator[tuple[Decision, float]]:
    """The decision of every table, and the margin that it was made with.

    Args:
      tables: values of every arm.
      what: which of the two decisions.
      worth: margin in points / 100; None for that of `diagnose`.
    """
    names = [arm for arm in (*PLAIN[what], *MORE[what]) if arm in tables.values]
    plain = [arm for arm in PLAIN[what] if arm in names]
    more = [arm for arm in MORE[what] if arm in names]
    for repetition, mixed in enumerate(tables.mixed):
        highest = "exact" if what == "select" else "expert"
        rows = {arm: tables.values[arm][repetition] for arm in (*names, "single", "exact", highest)}
        shifts = {arm: tables.shifts[arm][repetition] for arm in names if arm in tables.shifts}
        joint = JointMeans.of(rows, shifts=shifts, most=1.0, seed=repetition)
        margin = margin_of(joint, worth, ceiling="exact", floor="single")
        ceiling = "exact" if what == "select" else None
        found = decide(joint, plain, more, margin, int(mixed), ceiling, highest)
        yield found, margin.value


def judged(decision: Decision, margin: float, what: What, truth: Mapping[str, float]) -> str:
    """Which arms a decision is for, and whether that is false: "more", "false plain", ..."""
    if decision.arm == "undecided":
        return "undecided"
    best_plain = max(truth[arm] for arm in PLAIN[what] if arm in truth)
    if decision.reason == "gains":
        return "more" if truth[decision.arm] - best_plain > margin else "false more"
    best = max(truth[arm] for arm in (*PLAIN[what], *MORE[what]) if arm in truth)
    return "plain" if best - truth[decision.arm] < margin else "false plain"


def rates(
    tables: Tables, what: What, truth: Mapping[str, float], worth: float | None = None
) -> dict[str, Any]:
    """How many decisions are of which kind, of how many."""
    found = [judged(*each, what, truth) for each in decisions(tables, what, worth)]
    kinds = ("more", "false more", "plain", "false plain", "undecided")
    return {kind: found.count(kind) for kind in kinds} | {"tables": len(found), "margin": worth}


def gain(truth: Mapping[str, float], what: What) -> float:
    """True gain of the best arm with a verifier or training over the best without."""
    best = [max(truth[arm] for arm in arms[what] if arm in truth) for arms in (MORE, PLAIN)]
    return best[0] - best[1]


def truths(blocks: Mapping[int, Tables]) -> dict[int, dict[str, float]]:
    """Expected accuracy of every arm by number of prompts, for one population.

    A learned arm's is that of the vote, or of the base, and what it gains beyond on the same
    prompts: the differences vary less.
    """
    total = sum(block.repetitions * prompts for prompts, block in blocks.items())
    shared = {
        arm: sum(float(block.values[arm].sum()) for block in blocks.values()) / total
        for arm in next(iter(blocks.values())).values
        if arm not in _BESIDE
    }
    found = {}
    for prompts, block in blocks.items():
        means = block.means()
        learned = {
            arm: shared[other] + means[arm] - means[other]
            for arm, other in _BESIDE.items()
            if arm in means
        }
        found[prompts] = shared | learned
    return found


def kept(folder: Path, name: str, prompts: int, wanted: int) -> Tables:
    """Tables of one population and number of prompts: those kept, and more if more are wanted."""
    path = folder / f"{name.replace(', ', '-').replace(' ', '_')}-{prompts}.npz"
    parts = [Tables.read(path)] if path.exists() else []
    done = parts[0].repetitions if parts else 0
    start = time.perf_counter()
    parts += [table(POPULATIONS[name], prompts, index) for index in range(done, wanted)]
    tables = Tables.joined(parts)
    if done < wanted:
        tables.write(path)
        seconds = time.perf_counter() - start
        print(
            f"{name}, {prompts} prompts: {wanted - done} tables, {seconds:.0f} s", file=sys.stderr
        )
    return tables.first(wanted)


def measured(
    folder: Path, sizes: tuple[int, ...], repetitions: int
) -> dict[str, dict[int, dict[str, Any]]]:
    """Rates by population and number of prompts."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for name in POPULATIONS:
        blocks = {
            prompts: kept(folder, name, prompts, max(repetitions, repetitions * _EVEN // prompts))
            for prompts in sizes
        }
        known = truths(blocks)
        found[name] = {}
        for prompts, block in blocks.items():
            cell: dict[str, Any] = {"truth": known[prompts]}
            for what in ("select", "train"):
                worth = gain(known[prompts], what)
                cell[what] = rates(block, what, known[prompts])
                if worth > _LEAST_GAIN:
                    cell[f"{what} at margin"] = rates(block, what, known[prompts], worth)
            found[name][prompts] = cell
    return found


def _share(count: int, tables: int) -> str:
    """A share in per cent, with a star where it is surely above the nominal one."""
    above = stats.binom.sf(count - 1, tables, NOMINAL) < _SURE
    return f"{100 * count / tables:.0f}{'*' if above else ''}"


def markdown(found: Mapping[str, Mapping[int, Mapping[str, Any]]], key: str) -> str:
    """A table of one kind of decision: false for more, false for plain, undecided, in per cent.

    A margin that was given stands behind the population, in points, for the most prompts.
    """
    sizes = list(next(iter(found.values())))
    lines = [
        f"| population | {' | '.join(f'{size} prompts' for size in sizes)} |",
        f"|---|{'---|' * len(sizes)}",
    ]
    for name, cells in found.items():
        if not any(key in cell for cell in cells.values()):
            continue
        row, margin = [], None
        for cell in cells.values():
            if key not in cell:
                row.append("–")
                continue
            counts = cell[key]
            tables, margin = counts["tables"], counts["margin"]
            false = [_share(counts[kind], tables) for kind in ("false more", "false plain")]
            row.append(f"{false[0]} / {false[1]} / {100 * counts['undecided'] / tables:.0f}")
        given = "" if margin is None else f" ({100 * margin:.1f})"
        lines.append(f"| {name}{given} | {' | '.join(row)} |")
    return "\n".join(lines)


TITLES = {
    "select": 'Selection: false "verify" / false arm without a verifier / undecided, %',
    "train": 'Training: false "train" / false "base" / undecided, %',
    "select at margin": "Selection, the margin (in brackets, points) is the true gain: the same",
    "train at margin": "Training, the margin is the true gain: the same",
}


def main() -> None:
    """Print the tables and write them with all counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--prompts", default=",".join(map(str, PROMPTS)))
    parser.add_argument("--out", type=Path, default=Path("runs/verdict_errors"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sizes = tuple(int(size) for size in arguments.prompts.split(","))
    found = measured(arguments.out, sizes, arguments.repetitions)
    (arguments.out / "rates.json").write_text(json.dumps(found, indent=1))
    for key, title in TITLES.items():
        print(f"\n{title}\n\n{markdown(found, key)}")


if __name__ == "__main__":
    main()
