import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from verigap.sim.sweeps.engine import computing_device
from verigap.sim.sweeps.run import PACKAGES
from verigap.storage import provenance
from verigap.storage.provenance import collect_provenance, without_folders


def test_provenance_is_json_and_says_who() -> None:
    command = ["verigap", "sweep", "c.yaml"]
    told = collect_provenance(command, seed=5, packages=PACKAGES) | computing_device()
    found = json.loads(json.dumps(told))
    assert found["command"] == ["verigap", "sweep", "c.yaml"]
    assert found["seed"] == 5
    assert found["device_count"] >= 1
    assert set(found["versions"]) >= {"verigap", "jax", "flax", "optax", "numpy", "python"}
    assert found["time"].endswith("+00:00")


def test_a_copy_inside_a_foreign_repository_claims_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A commit hook sets these, and then git would work on the repository being committed to.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    commit = ["git", *identity, "commit", "-q", "--allow-empty", "-m", "theirs"]
    subprocess.run(commit, cwd=tmp_path, check=True)
    installed = tmp_path / "provenance.py"
    installed.write_text("")
    monkeypatch.setattr(provenance, "__file__", str(installed))
    found = collect_provenance(["verigap"], seed=0, packages=())
    assert (found["git_revision"], found["git_dirty"]) == (None, None)
    subprocess.run(["git", "add", installed.name], cwd=tmp_path, check=True)
    found = collect_provenance(["verigap"], seed=0, packages=())
    assert re.fullmatch(r"[0-9a-f]{40,64}", str(found["git_revision"]))
    assert found["git_dirty"] is True


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/ada/traces.parquet", "traces.parquet"),
        ("/home/ada lovelace/t.parquet", "t.parquet"),
        ("--out=/srv/data/run", "--out=run"),
        ("~/runs/x", "x"),
        ("C:\\Users\\ada\\t.csv", "t.csv"),
        ("/a/b.jsonl, /a/c.jsonl", "b.jsonl, c.jsonl"),
        ("runs/x", "runs/x"),
        ("--law", "--law"),
        ("1/2", "1/2"),
        ("n = 3 (/tmp/x/y.json)", "n = 3 (y.json)"),
    ],
)
def test_absolute_paths_are_cut_to_their_last_part(text: str, kept: str) -> None:
    assert without_folders(text) == kept
    assert collect_provenance([text], seed=0, packages=())["command"] == [without_folders(text)]
