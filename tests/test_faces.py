"""The face of every room: what its `__init__` names is there, documented and light to import."""

import ast
import functools
import importlib
import inspect
import itertools
import json
import pkgutil
import pydoc
import subprocess
import sys
from types import ModuleType

import pytest

import verigap

# Of the command line nothing is imported by users.
PACKAGES = [
    "verigap",
    *(
        found.name
        for found in pkgutil.walk_packages(verigap.__path__, "verigap.")
        if found.ispkg and not found.name.startswith("verigap.cli")
    ),
]
LIGHT = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
print(json.dumps(sorted(sys.modules)))
"""


def _face(name: str) -> ModuleType:
    return importlib.import_module(name)


@functools.cache
def _documented_constants() -> frozenset[str]:
    """Names that some module assigns and describes in a string on the next line."""
    names = set()
    for found in pkgutil.walk_packages(verigap.__path__, "verigap."):
        body = ast.parse(inspect.getsource(importlib.import_module(found.name))).body
        for assigned, below in itertools.pairwise(body):
            if not isinstance(below, ast.Expr) or not isinstance(below.value, ast.Constant):
                continue
            targets = getattr(assigned, "targets", [getattr(assigned, "target", None)])
            for target in targets:
                names |= {n.id for n in ast.walk(target or ast.Pass()) if isinstance(n, ast.Name)}
    return frozenset(names)


@pytest.mark.smoke
def test_rooms_load_no_numerical_library() -> None:
    rooms = [
        "verigap.sim",
        "verigap.llm_validation",
        "verigap.storage",
        *(name for name in PACKAGES if name.startswith(("verigap.sim.", "verigap.llm_v"))),
    ]
    # These name what they are made of when they are imported.
    eager = ("checks", "learners", "importers", "spaces", "tasks", "tight")
    light = [name for name in rooms if not name.endswith(eager)]
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, json.dumps(light)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not {"jax", "matplotlib", "numpy", "polars", "scipy"} & set(json.loads(done.stdout))


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_is_there_and_documented(name: str) -> None:
    face = _face(name)
    assert face.__doc__
    assert len(set(face.__all__)) == len(face.__all__)
    for public in face.__all__:
        value = getattr(face, public)
        if inspect.ismodule(value) or inspect.isclass(value) or inspect.isroutine(value):
            assert value.__doc__, public
        else:
            assert public == "__version__" or public in _documented_constants(), public
    assert set(face.__all__) <= set(dir(face))


@pytest.mark.parametrize("name", PACKAGES)
def test_no_module_takes_the_place_of_a_name(name: str) -> None:
    face = _face(name)
    inside = {found.name: found.ispkg for found in pkgutil.iter_modules(face.__path__)}
    for module in inside:
        importlib.import_module(f"{name}.{module}")
    for public in face.__all__:
        assert inspect.ismodule(getattr(face, public)) == inside.get(public, False), public


@pytest.mark.parametrize("name", ["verigap.sim", "verigap.llm_validation", "verigap.theory"])
def test_help_shows_what_a_room_offers(name: str) -> None:
    face = _face(name)
    page = pydoc.plain(pydoc.render_doc(face))
    for public in face.__all__:
        if inspect.isroutine(getattr(face, public)):
            assert f"\n    {public}(" in page
        elif inspect.isclass(getattr(face, public)):
            assert f"class {public}(" in page


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"module 'verigap.sim' has no attribute 'simulate'"):
        _face("verigap.sim").__getattr__("simulate")
