"""A new learner, tight game, bound, importer or figure is one new file and one line of a registry.

Each of tests/additions/ is added to a copy of the package as docs/extending.md says, and must then
be found by whatever reads the registry.
"""

import difflib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("figures", "llm_validation", "sim", "src", "theory")
SWEEP = """
import verigap as vg
cells = {"name": "demo", "horizon": 8, "data_budget": 4, "log2_class_size": 4}
config = {"replicates": 8, "sweeps": [cells]}
"""


class Addition(NamedTuple):
    """What is added, and how it is seen to be there.

    Attributes:
      file: in tests/additions/.
      folder: where it goes; the registry is its `__init__`.
      line: of the registry, without indentation.
      after: the line that it follows there.
      probe: a program that fails where the addition is not found.
    """

    file: str
    folder: str
    line: str
    after: str
    probe: str


ADDITIONS = {
    "learner": Addition(
        "vb_tilt.py",
        "sim/relabelling/learners",
        '"vb_tilt:VBTilt",',
        '"vb_best_of_n:VBBestOfN",',
        SWEEP
        + """
assert set(vg.sweep(config | {"learners": ["vb-tilt"]}).frame["learner"]) == {"vb-tilt"}
found = vg.calculate(
    "two-level", horizon=8, data_budget=4, log2_class_size=4.0, expert_radius=1.0, replicates=8
)
assert "vb-tilt" in found.risks.by_learner
""",
    ),
    "tight game": Addition(
        "silent_prompts.py",
        "sim/tight",
        '"silent-prompts": "silent_prompts:SilentPrompts",',
        '"reward-hacking": "reward_hacking:RewardHacking",',
        """
import verigap as vg
cells = {"name": "demo", "game": "silent-prompts", "horizon": 8, "data_budget": 4}
swept = vg.sweep({"replicates": 8, "sweeps": [cells]})
assert swept.frame["risk"].to_list() == [8.0]
# A class that breaks a bound is seen to: no label tells its rewards apart.
checked = vg.check(vg.sweep({"replicates": 999, "sweeps": [cells | {"data_budget": 900}]}))
assert not checked.ok
""",
    ),
    "bound": Addition(
        "horizon_cap.py",
        "theory/bounds",
        '"horizon_cap:HORIZON_CAP",',
        '"separation:SEPARATION_LINEAR",',
        SWEEP
        + """
from verigap.theory import BOUNDS
assert "HORIZON-CAP" in BOUNDS
checked = vg.check(vg.sweep(config | {"learners": ["vb-plug-in"], "bounds": ["HORIZON-CAP"]}))
(verdict,) = checked.bounds.verdicts
assert (verdict.cells, verdict.violations) == (1, 0)
""",
    ),
    "importer": Addition(
        "graded_lines.py",
        "llm_validation/importers",
        '"graded-lines": "graded_lines:FORMAT",',
        '"table": "table:FORMAT",',
        """
from pathlib import Path
import verigap as vg
from verigap.llm_validation.importers import read_samples
log = Path("log.jsonl")
log.write_text('{"asked": "1 + 1", "passed": true, "replied": "2"}\\n')
assert read_samples([log]).traces.frame["correct"].to_list() == [True]
""",
    ),
    "figure": Addition(
        "blank_sheet.py",
        "figures",
        '"blank-sheet",',
        '"prediction",',
        """
from pathlib import Path
from verigap.figures import draw_figure, known_names
assert "blank-sheet" in known_names([])
draw_figure("blank-sheet", {"run": [{}, {}]}, Path("drawn"))
assert Path("drawn/blank-sheet.txt").read_text() == "2 cells\\n"
""",
    ),
}


def _copy(to: Path) -> Path:
    """The package alone, with its rooms and the links to them."""
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / room, to / room, symlinks=True, ignore=ignored)
    return to


def _found(copy: Path, probe: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", probe],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def _changed_lines(copy: Path) -> dict[str, list[str]]:
    """Added (+) and removed (-) lines of every file that was there before and differs now."""
    changed = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        before, now = (p.read_text(encoding="utf-8") for p in (path, copy / name))
        if before != now:
            lines = list(difflib.unified_diff(before.splitlines(), now.splitlines(), n=0))[2:]
            changed[name] = [line for line in lines if not line.startswith("@@")]
    return changed


@pytest.mark.long
@pytest.mark.parametrize("kind", ADDITIONS)
def test_one_file_and_one_line(kind: str, tmp_path: Path) -> None:
    new = ADDITIONS[kind]
    copy = _copy(tmp_path)
    shutil.copy(ROOT / "tests" / "additions" / new.file, copy / new.folder)
    registry = copy / new.folder / "__init__.py"
    text = registry.read_text(encoding="utf-8")
    assert text.count(f"    {new.after}\n") == 1
    added = f"    {new.after}\n    {new.line}\n"
    registry.write_text(text.replace(f"    {new.after}\n", added), encoding="utf-8")
    done = _found(copy, new.probe)
    assert done.returncode == 0, done.stderr
    assert _changed_lines(copy) == {f"{new.folder}/__init__.py": [f"+    {new.line}"]}
