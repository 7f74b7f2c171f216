"""A judge for the tests of the grading pool: an answer says what is to happen."""

import os
from collections.abc import Callable, Mapping
from typing import Any

OBEDIENT = {"maker": f"{__name__}:obedient"}


def obedient(_: Mapping[str, Any]) -> Callable[[Mapping[str, Any], str], bool]:
    def judge(reference: Mapping[str, Any], answer: str) -> bool:
        if answer == "hang":
            while True:
                pass
        if answer == "crash":
            os._exit(3)
        if answer == "raise":
            raise RuntimeError(answer)
        return answer == reference["target"]

    return judge
