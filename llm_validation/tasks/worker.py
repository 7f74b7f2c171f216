"""A grading process: judges answers, one JSON line in and one out, until its input ends.

Run as `python -m verigap.llm_validation.tasks.worker SPEC`. It may hang, crash or eat memory over
an answer; whoever started it kills it then.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

_MEMORY_BYTES = 8 * 2**30

Judge = Callable[[Mapping[str, Any], str], "bool | None"]


def make_judge(spec: Mapping[str, Any]) -> Judge:
    """The judge that a task asks for: what its `maker`, "module:function", makes of the spec."""
    module, _, name = spec["maker"].partition(":")
    return getattr(importlib.import_module(module), name)(spec)


def main() -> None:
    """Serve until the input ends."""
    # The protocol keeps standard output to itself: judges may print.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    _limit_memory()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    judge = make_judge(json.loads(sys.argv[1]))
    replies.write('{"ready": true}\n')
    for line in sys.stdin:
        question = json.loads(line)
        try:
            verdict = judge(question["reference"], question["answer"])
        # A judge that fails has not judged.
        except Exception:
            verdict = None
        replies.write(json.dumps({"correct": verdict}) + "\n")


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


if __name__ == "__main__":
    main()
