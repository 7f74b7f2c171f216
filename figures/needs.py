"""What a figure is drawn from: runs and computed contents, made or continued when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verigap.storage.progress import Progress

Report = Callable[[str, "Progress | None"], None]
"""Told what is being made, and how far a sweep has come."""


@dataclass(frozen=True)
class Run:
    """The cells of a sweep, a list of dictionaries.

    Attributes:
      config: sweep configuration of the quick figure, relative to the repository.
      full: configuration of the full one; by default the same.
      committed: a finished run folder of `config` that is read instead of made, where a sweep takes
        too long for a quick figure.
    """

    config: str
    full: str | None = None
    committed: str | None = None

    def obtain(self, folder: Path, full: bool, report: Report) -> list[dict[str, Any]]:
        """The cells; the run is made or continued in `folder`/NAME-OF-CONFIG.

        Raises:
          ValueError: if a cell failed, a file of the repository is not there, or the folder holds
          another configuration's run.
        """
        from verigap.sim.sweeps.cells import load_sweep
        from verigap.sim.sweeps.run import run_sweep
        from verigap.sim.sweeps.stored import read_rows

        if self.committed is not None and not full:
            _of_repository(f"{self.committed}/config.yaml")
            return read_rows(self.committed)
        config = _of_repository(self.full if full and self.full is not None else self.config)
        path = folder / config.stem
        outcome = run_sweep(
            load_sweep(config),
            path,
            command=["verigap", "sweep", str(config), "--out", str(path)],
            report=lambda progress: report(f"sweep {config.stem}", progress),
        )
        if outcome.failed:
            raise ValueError(f"{path}: {outcome.failed} cells failed; see failures.parquet there")
        return read_rows(path)


@dataclass(frozen=True)
class Content:
    """What a library function computes from tables: dictionaries and lists, kept as JSON.

    Attributes:
      name: of the file that keeps it.
      compute: from the paths of the tables and whether the full figure is wanted; what it returns
        goes through JSON, so keys become strings and NaN becomes None.
      tables: files it reads, relative to the repository.
    """

    name: str
    compute: Callable[[Sequence[Path], bool], Any]
    tables: tuple[str, ...] = ()

    def obtain(self, folder: Path, full: bool, report: Report) -> Any:
        """The content; read if `folder` keeps one made from the same tables by this version."""
        from importlib.metadata import version

        from verigap.storage.digests import digest
        from verigap.storage.files import strict_json, write_durably

        paths = [_of_repository(table) for table in self.tables]
        made_from = {
            "version": version("verigap"),
            "full": full,
            "tables": {str(path): digest(path.read_bytes()) for path in paths},
        }
        file = folder / f"figure-{self.name}{'-full' if full else ''}.json"
        if file.is_file():
            try:
                stored = json.loads(file.read_bytes())
                if stored["made_from"] == made_from:
                    return stored["content"]
            except (ValueError, KeyError, TypeError):
                pass
        report(f"compute {self.name}", None)
        text = strict_json({"made_from": made_from, "content": self.compute(paths, full)})
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(file, text.encode())
        return json.loads(text)["content"]


def _of_repository(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; run from the root of the repository")
    return path


Need = Run | Content
