"""Versions of packages, which have to be the same wherever a part of one result is computed."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

Versions = tuple[tuple[str, str], ...]
"""Names and versions."""


def versions(packages: Sequence[str]) -> Versions:
    """Versions of Python and of packages in this process.

    Example:
      >>> from verigap.engines.versions import versions
      >>> [name for name, _ in versions(["numpy"])]
      ['Python', 'numpy']
    """
    return (("Python", platform.python_version()), *((name, _version(name)) for name in packages))


def difference(wanted: Sequence[tuple[str, str]], found: Sequence[tuple[str, str]]) -> str:
    """What a process has in place of the versions that are wanted; empty where it has these.

    Example:
      >>> from verigap.engines.versions import difference
      >>> difference([("jax", "0.10.2"), ("numpy", "2.4.6")], [("jax", "0.9"), ("numpy", "2.4.6")])
      'has jax 0.9, not 0.10.2'
    """
    have = dict(found)
    different = [
        f"{name} {have.get(name, 'none')}, not {needed}"
        for name, needed in wanted
        if have.get(name) != needed
    ]
    return f"has {'; '.join(different)}" if different else ""


def refuse_other(machine: str, here: Sequence[tuple[str, str]], there: Versions) -> None:
    """Refuse a machine of a cluster that has other versions than this process.

    Args:
      machine: its name.
      here: versions in this process.
      there: those on the machine.

    Raises:
      ValueError: they differ.

    Example:
      >>> from verigap.engines.versions import refuse_other
      >>> refuse_other("node1", [("numpy", "2.4.6")], (("numpy", "2.4.6"),))
    """
    if different := difference(here, there):
        raise ValueError(
            f"ray: {machine} {different}; install the same versions on all machines, then run the "
            "same command again"
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
