"""How much of a run is there, and whether its files can be told from others."""

from __future__ import annotations

from dataclasses import dataclass

from verigap.storage.run_folder import MANIFEST


@dataclass(frozen=True, kw_only=True)
class Completeness:
    """How many of the cells that a run lays out are stored.

    Attributes:
      stored: cells that are there.
      expected: cells that the run lays out; None where that is not known.
      failed: of those that are not there, how many failed when they were last tried.
      strangers: cells that are none of those that the configuration lays out, where nothing but
        the configuration says which these are.
      manifest: whether the folder has a manifest, which every file was compared with; None where
        the run is not read from a folder.
      adopted: files of cells that were there before the folder had a manifest.

    Example:
      >>> from verigap.storage.completeness import Completeness
      >>> found = Completeness(stored=3, expected=23, manifest=True)
      >>> found.complete, found.in_words
      (False, '3 of 23 cells; 20 are missing')
    """

    stored: int
    expected: int | None
    failed: int = 0
    strangers: int = 0
    manifest: bool | None = None
    adopted: int = 0

    @property
    def complete(self) -> bool:
        """Whether no cell is known to be missing."""
        return self.expected is None or self.stored >= self.expected

    @property
    def in_words(self) -> str:
        """How many cells of how many, and what is not known about them."""
        if self.expected is None:
            parts = [f"{self.stored} cells; how many the run lays out is not known"]
        else:
            parts = [f"{self.stored} of {self.expected} cells"]
        if not self.complete and self.expected is not None:
            failed = f", of which {self.failed} failed" if self.failed else ""
            parts.append(f"{self.expected - self.stored} are missing{failed}")
        if self.strangers:
            parts.append(
                f"{self.strangers} stored cells are none of those that the configuration lays out"
            )
        if self.manifest is False:
            parts.append(
                f"the folder has no {MANIFEST}, so that foreign or altered files may go unnoticed"
            )
        if self.adopted:
            parts.append(
                f"{self.adopted} files of cells are older than the {MANIFEST} of the folder, and "
                "were taken as they were"
            )
        return "; ".join(parts)
