"""Packages whose public names are imported when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_face(
    package: str, sources: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package that names what a user should import.

    No name may also be that of a module directly in the package: importing the module would put it
    in the place of the name.

    Args:
      package: full name of the package, whose `__all__` lists every name.
      sources: public names by the full name of the module that defines them. Names under the
        package's own name are packages inside it.

    Returns:
      Both functions, to be assigned in the package's `__init__`. The first raises AttributeError
      for a name that is not in `sources`.
    """
    homes = {name: module for module, names in sources.items() for name in names}

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if homes[name] == package:
            return import_module(f"{package}.{name}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        # What the package needed to be made is no part of its face.
        module = sys.modules[package]
        return sorted({*module.__all__, *(name for name in vars(module) if name[:2] == "__")})

    return load, names
