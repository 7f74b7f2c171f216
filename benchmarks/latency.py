"""How long the commands that people type every day keep the processor busy.

    python -m benchmarks.latency                     # measures, prints, keeps benchmarks/results/…
    python -m benchmarks.latency --compare OLD.json  # also against a kept run; exit 1 if slower

Every command is run with an empty cache of compiled programs ("cold") and then again with what the
first run left ("warm"). Seconds are user CPU of the process. Beside them stand multiples of what
`import jax` takes on the same machine in the same minute, by which runs on two machines compare.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

SLOWER = 1.25
"""Ratio to a kept run above which a command counts as slower."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """A command with its targets, user CPU seconds on the machine they were set on.

    Attributes:
      name: in tables and results.
      arguments: of `verigap`; {out} is an empty folder.
      cold, warm: targets; None where there is none.
    """

    name: str
    arguments: tuple[str, ...]
    cold: float | None
    warm: float | None


_TWO_LEVEL = "bounds --law two-level --horizon 256 --n 256 --log2-class 10 --kappa 0.25"
COMMANDS = (
    Latency(name="--help", arguments=("--help",), cold=0.2, warm=0.2),
    Latency(name="--version", arguments=("--version",), cold=0.2, warm=0.2),
    Latency(name="bounds", arguments=tuple(_TWO_LEVEL.split()), cold=3.0, warm=1.0),
    Latency(name="check", arguments=("check", "docs/runs/quickstart"), cold=3.0, warm=1.5),
    Latency(
        name="fit",
        arguments=("fit", "examples/game24_gpt4.parquet", "--horizon", "64,128"),
        cold=2.0,
        warm=1.5,
    ),
    Latency(
        name="diagnose game24",
        arguments=("diagnose", "examples/game24_gpt4.parquet", "--out", "{out}"),
        cold=25.0,
        warm=12.0,
    ),
    Latency(
        name="figures scaling",
        arguments=("figures", "scaling", "--run", "docs/runs/quickstart", "--out", "{out}"),
        cold=3.0,
        warm=3.0,
    ),
)


def user_seconds(command: Sequence[str], cache: str) -> float:
    """User CPU seconds of a command and its children.

    Raises:
      RuntimeError: the command failed; the message ends in what it said.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "VERIGAP_CACHE": cache},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-500:]}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def measure(latency: Latency, repetitions: int) -> dict[str, list[float]]:
    """Seconds of every repetition, cold and warm."""
    verigap = str(Path(sys.executable).with_name("verigap"))
    taken: dict[str, list[float]] = {"cold": [], "warm": [], "import jax": []}
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as cache:
            for kind in ("cold", "warm"):
                with tempfile.TemporaryDirectory() as out:
                    arguments = [each.format(out=f"{out}/new") for each in latency.arguments]
                    taken[kind].append(user_seconds([verigap, *arguments], cache))
        taken["import jax"].append(user_seconds([sys.executable, "-c", "import jax"], "off"))
    return taken


def row(latency: Latency, taken: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, ranges, multiples of `import jax`, and targets of a command."""
    yardstick = statistics.median(taken["import jax"])
    content: dict[str, Any] = {"name": latency.name, "import_jax_seconds": yardstick}
    for kind, target in (("cold", latency.cold), ("warm", latency.warm)):
        seconds = taken[kind]
        content[kind] = {
            "seconds": statistics.median(seconds),
            "lowest": min(seconds),
            "highest": max(seconds),
            "multiple": statistics.median(seconds) / yardstick,
            "target_seconds": target,
        }
    return content


def machine() -> dict[str, Any]:
    """What the seconds were measured on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    return {
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
    }


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    lines = [f"{'command':<17}{'':6}{'seconds (range)':>24}{'x import jax':>14}{'target s':>10}"]
    for each in rows:
        for kind in ("cold", "warm"):
            at = each[kind]
            seconds = f"{at['seconds']:.2f} ({at['lowest']:.2f} to {at['highest']:.2f})"
            lines.append(
                f"{each['name']:<17}{kind:<6}{seconds:>24}{at['multiple']:>14.1f}"
                f"{at['target_seconds']:>10g}"
            )
    return "\n".join(lines)


def slower(rows: Sequence[dict[str, Any]], kept: Sequence[dict[str, Any]]) -> list[str]:
    """A line for every command that takes more of `import jax` than in a kept run."""
    before = {each["name"]: each for each in kept}
    found = []
    for each in rows:
        for kind in ("cold", "warm"):
            old = before.get(each["name"])
            if old is None:
                continue
            ratio = each[kind]["multiple"] / old[kind]["multiple"]
            if ratio > SLOWER:
                found.append(f"{each['name']}, {kind}: {ratio:.2f} times what was kept")
    return found


def main() -> int:
    """Measure, print, keep, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--compare", type=Path, metavar="JSON", help="a kept run")
    parser.add_argument("--only", help="one command, by its name")
    given = parser.parse_args()
    kept = json.loads(given.compare.read_text()) if given.compare else None
    chosen = [each for each in COMMANDS if given.only in (None, each.name)]
    rows = [row(each, measure(each, given.repetitions)) for each in chosen]
    print(shown(rows))
    now = datetime.now(UTC)
    content = {"measured": now.isoformat(timespec="seconds"), "machine": machine(), "rows": rows}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"latency-{now:%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"kept in {path.relative_to(ROOT)}")
    found = slower(rows, kept["rows"]) if kept else []
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
