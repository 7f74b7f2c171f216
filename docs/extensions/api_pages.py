"""A page of the API reference for every package, written before Sphinx reads its sources."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx

PACKAGES = ("theory", "sim", "llm_validation", "figures")
FOLDER = "api/generated"


def public_packages() -> Iterator[ModuleType]:
    """All packages, each before the packages in it."""

    def walk(name: str) -> Iterator[ModuleType]:
        package = import_module(name)
        yield package
        for found in pkgutil.iter_modules(package.__path__, f"{name}."):
            if found.ispkg:
                yield from walk(found.name)

    for name in PACKAGES:
        yield from walk(f"verigap.{name}")


def public_modules(package: ModuleType) -> list[str]:
    """Names of the modules directly in a package, without those that start with an underscore."""
    found = (entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg)
    return [f"{package.__name__}.{name}" for name in found if not name.startswith("_")]


def page(package: ModuleType, below: list[str]) -> str:
    """The reStructuredText of a package: what it offers, its modules, the packages in it."""
    name = package.__name__
    lines = [name, "=" * len(name), "", f".. automodule:: {name}", "   :members:"]
    # What a package passes on is documented where it is defined.
    lines += ["   :ignore-module-all:", ""]
    if exports := getattr(package, "__all__", []):
        lines += ["It offers " + ", ".join(_link(package, export) for export in exports) + ".", ""]
    if below:
        lines += [".. toctree::", "   :maxdepth: 1", "", *(f"   {other}" for other in below), ""]
    for module in public_modules(package):
        title = module.removeprefix(f"{name}.")
        lines += [title, "-" * len(title), "", f".. automodule:: {module}", "   :members:", ""]
    return "\n".join(lines)


def _link(package: ModuleType, export: str) -> str:
    """A link to where an exported name is defined."""
    value = getattr(package, export)
    if inspect.ismodule(value):
        return f":py:mod:`{export} <{value.__name__}>`"
    if inspect.isclass(value) or inspect.isfunction(value):
        return f":py:obj:`{export} <{value.__module__}.{value.__qualname__}>`"
    return f"``{export}``"


def write_pages(app: Sphinx) -> None:
    """Bring the folder of generated pages up to date; unchanged ones keep their time."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    packages = {package.__name__: package for package in public_packages()}
    for name, package in packages.items():
        below = [other for other in packages if other.rpartition(".")[0] == name]
        path, text = folder / f"{name}.rst", page(package, below)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.glob("*.rst"):
        if path.stem not in packages:
            path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages when the build begins."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
