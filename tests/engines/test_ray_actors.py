"""How calls are handed to actors and given back, on a Ray that is a few lines long."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from verigap.engines.ray_actors import ActorKind, Actors, CallError


class LostError(Exception):
    """An actor that is gone."""


class FailedError(Exception):
    """A call that raised."""


class Ray:
    """Ends calls from the last to the first, one whenever it is asked what has ended.

    Args:
      lose: numbers of attempts whose actor is lost, counted over all.
      fail: calls that fail.

    Attributes:
      attempts: how many calls were begun.
    """

    def __init__(self, lose: tuple[int, ...] = (), fail: tuple[int, ...] = ()) -> None:
        self.exceptions = SimpleNamespace(RayError=LostError, RayTaskError=FailedError)
        self._lose, self._fail, self.attempts = lose, fail, 0

    def remote(self, **resources: object) -> Any:
        return lambda made: SimpleNamespace(remote=lambda *arguments: self._actor())

    def _actor(self) -> Any:
        greet = SimpleNamespace(remote=lambda: ("greeting", object()))
        return SimpleNamespace(greet=greet, work=SimpleNamespace(remote=self._begun))

    def _begun(self, call: int) -> tuple[str, int, int]:
        self.attempts += 1
        return "call", call, self.attempts

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        starting = [each for each in references if each[0] == "greeting"]
        return (starting or [max(references, key=lambda each: each[1])])[:1], []

    def get(self, reference: Any) -> Any:
        if reference[0] == "greeting":
            return "ready"
        _, call, attempt = reference
        if attempt in self._lose:
            raise LostError("gone")
        if call in self._fail:
            raise FailedError("cannot")
        return call * call

    def kill(self, actor: object) -> None:
        """Nothing is left of it."""


def actors(ray: Ray, count: int = 3) -> Actors[int]:
    kind = ActorKind(made=object, arguments=())
    return Actors(ray, kind, count, lambda greeting: None)  # pyright: ignore[reportArgumentType]


def nothing(busy: int) -> None:
    """Tell nothing."""


def test_results_come_in_the_order_of_their_ends_or_of_their_calls() -> None:
    ended = list(actors(Ray()).results(range(9), nothing))
    assert sorted(ended) == [(i, i * i) for i in range(9)]
    assert ended != sorted(ended)
    assert list(actors(Ray()).results(range(9), nothing, ordered=True)) == sorted(ended)


@pytest.mark.parametrize("ordered", [False, True])
def test_calls_are_taken_as_they_are_needed(ordered: bool) -> None:
    taken = given = 0

    def calls() -> Iterator[int]:
        nonlocal taken
        for number in range(60):
            taken += 1
            # Two an actor are in hand, and the results that are not given yet among them.
            assert taken - given <= 6
            yield number

    for _ in actors(Ray()).results(calls(), nothing, ordered=ordered):
        given += 1
    assert (taken, given) == (60, 60)


def test_what_is_lost_keeps_its_place() -> None:
    results = actors(Ray(lose=(1, 2, 5))).results(range(9), nothing, ordered=True)
    assert [call for call, _ in results] == list(range(9))


def test_after_a_failure_no_call_is_begun_and_those_before_it_are_given() -> None:
    results = actors(Ray(fail=(4,))).results(range(60), nothing, ordered=True)
    assert [next(results)[0] for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(CallError, match=r"failed \(FailedError: cannot\)") as raised:
        next(results)
    assert raised.value.call == 4
    ray = Ray(fail=(4,))
    with pytest.raises(CallError):
        list(actors(ray).results(range(60), nothing))
    assert ray.attempts <= 6
