"""Public functions show how they are called, and what they show is true."""

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import verigap
from verigap.theory import BOUNDS

FACES = [
    found.name
    for found in pkgutil.walk_packages(verigap.__path__, "verigap.")
    if found.ispkg and not found.name.startswith(("verigap.cli", "verigap.verbs"))
]

# The annotations of what examples call are checked by the tests of each room.
pytestmark = pytest.mark.usefixtures("unchecked_annotations")

SLOW = {
    "llm_validation.deciding.methods.equal_budgets.compare_methods",
    "llm_validation.predicting.predict.predict",
    "llm_validation.reporting.content.diagnosis_content",
    "llm_validation.reporting.diagnose.diagnose",
    "llm_validation.sampling.sample.sample_traces",
    "sim.calculator.calculate",
    "sim.checks.check.check",
    "sim.sweeps.run.run_in_memory",
    "verigap.verbs.samples.diagnose",
}
"""Examples that compile for seconds; `make test-long` runs them."""


def _public() -> Iterator[tuple[str, Any]]:
    """Every function and class that a face names, each once, and the bounds' functions."""
    seen = set()
    for face in map(importlib.import_module, FACES):
        for name in face.__all__:
            value = getattr(face, name)
            if inspect.isroutine(value) or inspect.isclass(value):
                seen.add((f"{value.__module__.removeprefix('verigap.')}.{name}", value))
    for bound in BOUNDS.values():
        seen.add((f"{bound.value.__module__.removeprefix('verigap.')}.{bound.name}", bound.value))
    yield from sorted(seen, key=lambda pair: pair[0])


def _examples(name: str, value: Any) -> doctest.DocTest | None:
    found = doctest.DocTestFinder(recurse=False).find(value, name)
    return found[0] if found and found[0].examples else None


def _faces() -> Iterator[doctest.DocTest]:
    """The examples of what a face names."""
    for name, value in _public():
        if example := _examples(name, value):
            yield example


def _elsewhere() -> Iterator[doctest.DocTest]:
    """The examples of what no face names."""
    named = {example.name for example in _faces()}
    for found in pkgutil.walk_packages(verigap.__path__, "verigap."):
        if found.name.startswith("verigap.shipped.examples") or found.name.endswith("__main__"):
            continue
        for example in doctest.DocTestFinder().find(importlib.import_module(found.name)):
            if example.examples and example.name.removeprefix("verigap.") not in named:
                yield example


def test_slow_examples_are_there() -> None:
    assert {found.name for found in (*_faces(), *_elsewhere())} >= SLOW


def test_functions_have_an_example() -> None:
    assert not [
        name for name, value in _public() if inspect.isroutine(value) and not _examples(name, value)
    ]


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(found, id=found.name, marks=pytest.mark.long if found.name in SLOW else ())
        for found in (*_faces(), *_elsewhere())
    ],
)
def test_the_example_is_true(example: doctest.DocTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[1])
    said: list[str] = []
    say: Callable[[str], Any] = said.append
    assert doctest.DocTestRunner().run(example, out=say).failed == 0, "".join(said)
