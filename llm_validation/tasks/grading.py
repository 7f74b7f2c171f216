"""Grading in processes of its own, each of which is killed if an answer takes it too long."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

_START_SECONDS = 300.0
# Verdicts that are remembered; a log may hold a million different answers.
_REMEMBERED = 65_536


class Question(NamedTuple):
    """An answer to be judged, and what its problem says about right ones."""

    reference: Mapping[str, Any]
    answer: str


class GradingError(RuntimeError):
    """A grading process that does not even start."""


class GradingPool:
    """Processes that judge answers; a context manager.

    A verdict is true, false, or null where the judge could not say, crashed or took too long.

    Attributes:
      timeouts: questions after which a process had to be killed.
    """

    def __init__(self, judge: Mapping[str, Any], workers: int = 2, timeout: float = 10.0) -> None:
        """Nothing starts before the first question.

        Args:
          judge: see `Task.judge`.
          workers: processes.
          timeout: seconds for one answer.
        """
        self.timeouts = 0
        self._workers = [_Worker(judge, timeout) for _ in range(workers)]
        self._known: dict[tuple[str, str], bool | None] = {}

    def __enter__(self) -> GradingPool:
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.kill()

    def judge(self, questions: Sequence[Question]) -> list[bool | None]:
        """A verdict for each question, in order; equal questions are asked once."""
        keys = [(json.dumps(q.reference, sort_keys=True), q.answer) for q in questions]
        new = {key: q for key, q in zip(keys, questions, strict=True) if key not in self._known}
        open_questions: SimpleQueue[tuple[tuple[str, str], Question]] = SimpleQueue()
        for item in new.items():
            open_questions.put(item)

        def work(worker: _Worker) -> int:
            slow = 0
            while True:
                try:
                    key, question = open_questions.get_nowait()
                except Empty:
                    return slow
                verdict, late = worker.ask(question)
                self._known[key] = verdict
                slow += late

        busy = self._workers[: max(1, min(len(new), len(self._workers)))]
        with ThreadPoolExecutor(len(busy)) as threads:
            self.timeouts += sum(threads.map(work, busy))
        verdicts = [self._known[key] for key in keys]
        for key in list(self._known)[: max(0, len(self._known) - _REMEMBERED)]:
            del self._known[key]
        return verdicts


class _Worker:
    """One process, started when needed and again after each kill."""

    def __init__(self, judge: Mapping[str, Any], timeout: float) -> None:
        self.command = [
            sys.executable, "-m", "verigap.llm_validation.tasks.worker", json.dumps(judge),
        ]  # fmt: skip
        self.timeout = timeout
        self.process: subprocess.Popen[bytes] | None = None
        self.unread = b""

    def ask(self, question: Question) -> tuple[bool | None, bool]:
        """The verdict, and whether it took too long."""
        if self.process is None or self.process.poll() is not None:
            self._start()
        process = self.process
        assert process is not None
        assert process.stdin is not None
        line = json.dumps(question._asdict()).encode() + b"\n"
        try:
            process.stdin.write(line)
            process.stdin.flush()
            reply = self._line(time.monotonic() + self.timeout)
        # First, as it is an OSError too.
        except TimeoutError:
            self.kill()
            return None, True
        except (EOFError, OSError):
            self.kill()
            return None, False
        return reply["correct"], False

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                # What could not be written is of no interest any more.
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process = None

    def _start(self) -> None:
        self.kill()
        self.unread = b""
        # In a session of its own: an interrupt from the terminal is for the parent to handle.
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._line(time.monotonic() + _START_SECONDS)
        except (EOFError, OSError, TimeoutError):
            self.kill()
            raise GradingError(
                "the grading process does not start; reinstall verigap and what the task needs"
            ) from None

    def _line(self, deadline: float) -> Any:
        assert self.process is not None
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            piece = os.read(descriptor, 65536)
            if not piece:
                raise EOFError
            self.unread += piece
        line, _, self.unread = self.unread.partition(b"\n")
        return json.loads(line)
