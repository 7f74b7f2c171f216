"""Look the pinned versions up among the known vulnerabilities: `audit.py constraints/*.txt`.

Exit code 1 where one is known, 2 where the database does not answer: pip-audit alone counts a
package that it could not look up as one without vulnerabilities.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

_NO_ANSWER = "audit: the database of vulnerabilities does not answer here, and nothing was audited"


def looked_up(pins: list[str]) -> list[dict[str, Any]] | None:
    """What is known of each pinned version; None where the database does not answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        # One version each, so that nothing has to be resolved.
        words = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *words, "-r", file.name],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        return json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None


def main(files: list[str]) -> int:
    """Audit every pin of some files once."""
    lines = {line.partition("#")[0].partition(";")[0].strip()
             for file in files for line in Path(file).read_text().splitlines()}  # fmt: skip
    pins = sorted(line for line in lines if "==" in line)
    # One name may be pinned to several versions, each of which takes a file of its own.
    rounds: list[dict[str, str]] = []
    for pin in pins:
        name = pin.partition("==")[0].lower()
        free = next((one for one in rounds if name not in one), None)
        if free is None:
            rounds.append(free := {})
        free[name] = pin
    # One alone is asked for first: where nobody answers, the others are not asked for.
    first = looked_up(pins[:1])
    if first is None or any("skip_reason" in entry for entry in first):
        print(_NO_ANSWER, file=sys.stderr)
        return 2
    entries = [looked_up(list(one.values())) for one in rounds]
    if any(found is None for found in entries):
        print(_NO_ANSWER, file=sys.stderr)
        return 2
    known = [entry for found in entries for entry in found or ()]
    skipped = [entry for entry in known if "skip_reason" in entry]
    bad = [entry for entry in known if entry.get("vulns")]
    for entry in bad:
        names = ", ".join(one["id"] for one in entry["vulns"])
        print(f"{entry['name']} {entry['version']}: {names}")
    for entry in skipped:
        print(f"{entry['name']}: not audited ({entry['skip_reason']})")
    print(f"{len(known)} pinned versions: {len(bad)} vulnerable, {len(skipped)} not audited")
    return 1 if bad else 2 if skipped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
