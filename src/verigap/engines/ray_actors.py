"""Calls on actors of Ray, each of which keeps what takes long to load.

An actor has one call at a time. What an actor was doing when it was lost is done again by another;
its place is taken by a new one, wherever the cluster has room.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, TypeVar

RETRIES = 3
"""How often a call is tried again whose actor or machine was lost."""

_SECONDS_TO_TELL = 1.0
# Calls taken for each actor: one is under way, and one is ready for it.
_AHEAD = 2

Call = TypeVar("Call")


@dataclass(frozen=True, kw_only=True)
class ActorKind:
    """What an actor is, and what it takes.

    Attributes:
      made: its class, with the methods `greet()`, which loads and says what was loaded, and
        `work(call)`.
      arguments: of the class.
      cpus: that Ray sets aside for it.
      gpus: that Ray sets aside for it; a part of one is shared.
    """

    made: type[Any]
    arguments: tuple[Any, ...]
    cpus: float = 1.0
    gpus: float = 0.0


class CallError(RuntimeError):
    """A call that cannot be made; the message is one line.

    Attributes:
      call: the call; None where no actor starts.
    """

    def __init__(self, why: str, call: object = None) -> None:
        super().__init__(why)
        self.call = call


@dataclass(frozen=True)
class _Attempt(Generic[Call]):
    """A call with its number, and how often its actor was lost."""

    call: Call
    number: int
    losses: int = 0


class _Results:
    """Results that are not given yet.

    Attributes:
      lacking: calls that are begun or wait, and those whose results are here.
    """

    def __init__(self, ordered: bool) -> None:
        self.lacking = 0
        self._ordered, self._next = ordered, 0
        self._here: dict[int, Any] = {}

    def add(self, number: int, result: Any) -> None:
        """Take the result of a call."""
        self._here[number] = result

    def given(self) -> Iterator[Any]:
        """Give those that it is time for."""
        while self._here and not (self._ordered and self._next not in self._here):
            number = self._next if self._ordered else next(iter(self._here))
            self._next += 1
            self.lacking -= 1
            yield self._here.pop(number)


class Actors(Generic[Call]):
    """Actors of one kind.

    Args:
      ray: the package, connected.
      kind: what they are.
      count: how many, at most; those that the cluster has no room for are waited for.
      accept: told what each actor says when it has loaded; raises ValueError to refuse it.
    """

    def __init__(
        self, ray: ModuleType, kind: ActorKind, count: int, accept: Callable[[Any], None]
    ) -> None:
        self._ray, self._count, self._accept = ray, count, accept
        self._remote = ray.remote(num_cpus=kind.cpus, num_gpus=kind.gpus)(kind.made)
        # Kept once by Ray, not once an actor.
        self._arguments = tuple(ray.put(argument) for argument in kind.arguments)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, _Attempt[Call]]] = {}
        self._lost_at_start = 0

    def start(self) -> None:
        """Wait for one actor, the first, to have loaded.

        Raises:
          ValueError: it is refused.
          CallError: it fails, or is lost time after time.
        """
        while not self._idle:
            self._fill(1)
            for reference in self._done():
                if (error := self._greeted(reference)) is not None:
                    raise error

    def results(
        self, calls: Iterable[Call], tell: Callable[[int], None], *, ordered: bool = False
    ) -> Iterator[tuple[Call, Any]]:
        """Every call with its result, in the order in which they end or in their own.

        Calls are taken from `calls` as they are needed: few are taken whose results are not given
        yet. After a call that fails no more are begun; those that are under way come to their end.

        Args:
          calls: what `work` takes.
          tell: called about once a second with the number of calls under way.
          ordered: whether the results are given in the order of the calls.

        Raises:
          ValueError: an actor is refused.
          CallError: a call fails, or its actor is lost time after time.
        """
        coming = enumerate(calls)
        waiting = deque[_Attempt[Call]]()
        results = _Results(ordered)
        left, failure = True, None
        while self._busy or (failure is None and (waiting or left)):
            while failure is None and left and results.lacking < _AHEAD * self._count:
                following = next(coming, None)
                if following is None:
                    left = False
                    break
                waiting.append(_Attempt(following[1], following[0]))
                results.lacking += 1
                self._hand_out(waiting)
            if not (self._busy or waiting):
                break
            failure = self._collect(waiting, results, tell) or failure
            if failure is None:
                # Before what is done is used, which may take a while.
                self._hand_out(waiting)
            yield from results.given()
        if failure is not None:
            raise failure

    def _collect(
        self, waiting: deque[_Attempt[Call]], results: _Results, tell: Callable[[int], None]
    ) -> Exception | None:
        """Take in what has ended; what is wrong if no more should be begun."""
        failure: Exception | None = None
        done = self._done()
        if not done:
            tell(len(self._busy))
        for reference in done:
            if reference in self._starting:
                failure = failure or self._greeted(reference)
                continue
            actor, attempt = self._busy.pop(reference)
            try:
                result = self._result(reference, actor, attempt, waiting)
            except CallError as error:
                failure = failure or error
                continue
            if result is not None:
                results.add(attempt.number, (attempt.call, result))
        return failure

    def _hand_out(self, waiting: deque[_Attempt[Call]]) -> None:
        self._fill(len(waiting) + len(self._busy))
        while waiting and self._idle:
            actor, attempt = self._idle.pop(), waiting.popleft()
            self._busy[actor.work.remote(attempt.call)] = actor, attempt

    def _fill(self, calls: int) -> None:
        """Start as many actors as there are calls for."""
        there = len(self._starting) + len(self._idle) + len(self._busy)
        for _ in range(min(self._count, calls) - there):
            actor = self._remote.remote(*self._arguments)
            self._starting[actor.greet.remote()] = actor

    def _done(self) -> list[Any]:
        """What has ended; nothing, if that takes longer than until it is time to tell."""
        done, _ = self._ray.wait([*self._busy, *self._starting], timeout=_SECONDS_TO_TELL)
        return done

    def _greeted(self, reference: Any) -> Exception | None:
        """Take in an actor that has loaded; what is wrong if no more should be started."""
        actor = self._starting.pop(reference)
        try:
            self._accept(self._ray.get(reference))
        except ValueError as refusal:
            return refusal
        except self._ray.exceptions.RayTaskError as error:
            return CallError(f"an actor does not start ({_cause(error)})")
        except self._ray.exceptions.RayError as error:
            self._give_up(actor)
            if "ModuleNotFoundError" in str(error):
                return _not_installed(error)
            self._lost_at_start += 1
            if self._lost_at_start > RETRIES:
                times = self._lost_at_start
                return CallError(f"actors were lost {times} times as they started ({_line(error)})")
            return None
        self._lost_at_start = 0
        self._idle.append(actor)
        return None

    def _result(
        self,
        reference: Any,
        actor: Any,
        attempt: _Attempt[Call],
        waiting: deque[_Attempt[Call]],
    ) -> Any:
        """The result of a call; None where it was lost, and waits again.

        Raises:
          CallError: it failed, or was lost too often.
        """
        try:
            result = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(actor)
            raise CallError(f"failed ({_cause(error)})", attempt.call) from None
        except self._ray.exceptions.RayError as error:
            self._give_up(actor)
            losses = attempt.losses + 1
            if losses > RETRIES:
                why = f"was lost {losses} times with its process or machine ({_line(error)})"
                raise CallError(why, attempt.call) from None
            waiting.appendleft(_Attempt(attempt.call, attempt.number, losses))
            return None
        self._idle.append(actor)
        return result

    def _give_up(self, actor: Any) -> None:
        """Have nothing more to do with an actor, which may be there although it does not answer."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor)


def _cause(error: Any) -> str:
    """An error that was raised in an actor, in one line."""
    cause = getattr(error, "cause", None) or error
    return f"{type(cause).__name__}: {_first(str(cause))}"


def _line(error: BaseException) -> str:
    """Which kind of process was lost; further lines say how to look for its logs."""
    return f"{type(error).__name__}: {_first(str(error))}"


def _first(text: str) -> str:
    return next(iter(text.splitlines()), "")


def _not_installed(error: BaseException) -> ValueError:
    lines = str(error).splitlines()
    what = next((line for line in lines if "ModuleNotFoundError" in line), lines[0]).strip()
    return ValueError(
        f"ray: a machine of the cluster cannot import what it needs ({what}); install the same "
        "packages on all of them"
    )
