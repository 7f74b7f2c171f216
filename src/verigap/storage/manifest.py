"""What a run folder has to hold: digests of its configuration, its provenance and its batches.

The manifest tells files of a run from files that were altered, lost or brought in from elsewhere.
It is no signature: who rewrites it on purpose is not found out.

A crash can fall between any two writes, so that what is about to be written is announced first:
an announced batch may be there or not, and of two accounts of the provenance either may be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from verigap.storage.digests import digest, json_digest

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a run folder has to hold.

    Attributes:
      config: digest of `config.yaml`, seed included: the identity of the run.
      provenance: digests of `provenance.json`: as it is, and while it is replaced as it will be.
      expected: names of the cells that the configuration lays out; None where nobody said.
      batches: digest of every stored batch by the name of its file.
      announced: the same of a batch whose writing was begun.
      adopted: names of batches that were there before the folder had a manifest.

    Example:
      >>> from verigap.storage.manifest import Manifest
      >>> made = Manifest(config="0" * 64, provenance=("1" * 64,), expected=("a", "b"))
      >>> Manifest.from_bytes(made.to_bytes()) == made
      True
    """

    config: str
    provenance: tuple[str, ...]
    expected: tuple[str, ...] | None = None
    batches: Mapping[str, str] = field(default_factory=dict)
    announced: Mapping[str, str] = field(default_factory=dict)
    adopted: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The manifest as JSON, with a digest of itself."""
        # Not `asdict`, which would copy every name, and there may be a million.
        content = {
            "version": _VERSION,
            **{each.name: getattr(self, each.name) for each in fields(self)},
        }
        text = json.dumps(content | {"digest": json_digest(content)}, indent=1, sort_keys=True)
        return f"{text}\n".encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """What `to_bytes` wrote.

        Raises:
          ValueError: the bytes are no manifest, or were altered.
        """
        content = json.loads(data)
        if not isinstance(content, dict):
            raise ValueError("is no manifest")
        stated = content.pop("digest", None)
        if stated != json_digest(content):
            raise ValueError("was altered")
        if content.pop("version") != _VERSION:
            raise ValueError("is of a later version of verigap")
        return cls(**{name: _frozen(value) for name, value in content.items()})

    def digest_of(self, batch: str) -> str | None:
        """The digest of a batch that may be there, by the name of its file."""
        return self.batches.get(batch, self.announced.get(batch))

    def announcing(self, batch: str, data: bytes, provenance: bytes | None) -> Manifest:
        """The same before a batch is written, and perhaps another provenance."""
        accounts = self.provenance
        if provenance is not None:
            accounts = tuple(dict.fromkeys((*accounts, digest(provenance))))
        return replace(self, announced={batch: digest(data)}, provenance=accounts)

    def settled(self, there: Iterable[str], provenance: bytes) -> Manifest:
        """The same once writing has ended.

        Args:
          there: names of the batches that lie in the folder, whole.
          provenance: what `provenance.json` holds.
        """
        known = {**self.batches, **self.announced}
        batches = {name: known[name] for name in sorted(there) if name in known}
        adopted = tuple(name for name in self.adopted if name in batches)
        return replace(
            self,
            batches=batches,
            announced={},
            provenance=(digest(provenance),),
            adopted=adopted,
        )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
