"""The file that keeps the worst instances: whole after any crash, and read back with checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from verigap.sim.attacks.regimes import REGIMES
from verigap.sim.attacks.verification import Finding, Instance, verify
from verigap.storage.files import strict_json, write_durably

_KIND = "verigap worst instances 1"


def read_instances(path: str | Path) -> dict[str, dict[str, Instance | None]]:
    """The worst instance of every bound and regime in a file.

    Args:
      path: of a file that an attack kept its findings in.

    Raises:
      ValueError: the file holds something else.
      OSError: it cannot be read.

    Example:
      >>> from verigap.sim.attacks import read_instances
      >>> kept = read_instances("tests/sim/attacks/worst_instances.json")
      >>> kept["VB-LOWER"]["anywhere"].space
      'hard-prompts'
    """
    path = Path(path)
    return {
        name: {regime: _instance(path, name, kept) for regime, kept in worst["worst"].items()}
        for name, worst in _content(path)["bounds"].items()
    }


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise ValueError(f"{path}: is no file of worst instances; choose another name")
    return content


def _instance(path: Path, bound: str, kept: Any) -> Instance | None:
    if kept is None:
        return None
    try:
        values = {str(name): float(value) for name, value in kept["values"].items()}
        return Instance(bound=bound, space=str(kept["space"]), values=values)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{path}: an instance of {bound} is damaged; attack it again") from None


class KeptAttacks:
    """Findings by bound, in a JSON file or nowhere.

    Attributes:
      path: of the file; None keeps nothing.
      effort: how hard was searched, by name: what was found with another effort is found anew.
    """

    def __init__(self, path: Path | None, effort: Mapping[str, int]) -> None:
        """Read what the file holds.

        Raises:
          ValueError: it holds something else, or lies in no folder that exists.
        """
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"{path}: there is no folder {path.parent}")
        self.path, self.effort = path, dict(effort)
        exists = path is not None and path.exists()
        self._bounds: dict[str, Any] = _content(path)["bounds"] if path and exists else {}

    def attack_of(self, bound: str) -> dict[str, Finding | None] | None:
        """What was found for a bound with this effort, evaluated again; None if it was not."""
        kept = self._bounds.get(bound)
        if kept is None or kept["effort"] != self.effort or kept["worst"].keys() != REGIMES.keys():
            return None
        assert self.path is not None
        worst = {
            regime: _instance(self.path, bound, each) for regime, each in kept["worst"].items()
        }
        return {regime: each and verify(each) for regime, each in worst.items()}

    def keep(self, bound: str, worst: Mapping[str, Finding | None]) -> None:
        """Write a bound's findings beside those of the others."""
        if self.path is None:
            return
        shown = {regime: found and _shown(found) for regime, found in worst.items()}
        self._bounds[bound] = {"effort": self.effort, "worst": shown}
        content = {"kind": _KIND, "bounds": self._bounds}
        write_durably(self.path, (strict_json(content) + "\n").encode())


def _shown(found: Finding) -> dict[str, Any]:
    """A finding without what its instance says already."""
    fields = asdict(found)
    instance = fields.pop("instance")
    return {"space": instance["space"], "values": instance["values"], **fields}
