"""Run folders, durable files, provenance, progress, digests, units and tables on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.storage.digests import digest, json_digest
    from verigap.storage.files import write_durably
    from verigap.storage.progress import Progress
    from verigap.storage.provenance import collect_provenance
    from verigap.storage.run_store import RunStore, StoreError
    from verigap.storage.tables import TableError, load_frame, save_frame
    from verigap.storage.units import LengthUnit

__all__ = [
    "LengthUnit",
    "Progress",
    "RunStore",
    "StoreError",
    "TableError",
    "collect_provenance",
    "digest",
    "json_digest",
    "load_frame",
    "save_frame",
    "write_durably",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.storage.digests": (
            "digest",
            "json_digest",
        ),
        "verigap.storage.files": ("write_durably",),
        "verigap.storage.progress": ("Progress",),
        "verigap.storage.provenance": ("collect_provenance",),
        "verigap.storage.run_store": (
            "RunStore",
            "StoreError",
        ),
        "verigap.storage.tables": (
            "TableError",
            "load_frame",
            "save_frame",
        ),
        "verigap.storage.units": ("LengthUnit",),
    },
)
