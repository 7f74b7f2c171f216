"""Answers as text: find the final one, bring it to one form, and compare it to a target.

A stopgap on purpose: it knows exact numbers and nothing else about mathematics, and whatever it
cannot decide stays undecided.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

# Longer than any answer; beyond it a text is compared as it stands.
_LONGEST = 2000

_WRAPPERS = "boxed|fbox|text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox"
_WRAPPED = re.compile(rf"\\(?:{_WRAPPERS})\s*\{{(?P<inside>[^{{}}]*)\}}")
_WHOLLY_WRAPPED = re.compile(rf"\\(?:{_WRAPPERS})\s*\{{(?P<inside>.*)\}}", re.DOTALL)
_SPACING = re.compile(r"\\[,;:!>]|\\q?quad(?![A-Za-z])|\\ |~")
_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
_UNITS = (
    "degrees?|dollars?|cents?|euros?|units?|percent|inch(?:es)?|feet|foot|ft|yards?|miles?|mm|cm|km|"
    "meters?|metres?|centimeters?|kilometers?|grams?|kg|kilograms?|pounds?|lbs?|liters?|litres?|ml|"
    "seconds?|minutes?|hours?|days?|weeks?|months?|years?|mph|points?"
)
_TRAILING_UNIT = re.compile(
    rf"(?<=[\d.}}])\s*(?:\\?%|\^\s*\{{?\s*\\circ\s*\}}?|°|(?:square |cubic )?(?:{_UNITS})"
    r"(?:\^\{?[23]\}?)?)$",
    re.IGNORECASE,
)
_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?"
_SIGN = r"(?P<sign>[-+]?)\s*"
_NUMBER = re.compile(rf"{_SIGN}(?P<number>{_DECIMAL})")
_FRACTION = re.compile(
    rf"{_SIGN}(?P<top>{_DECIMAL})\s*/\s*(?P<below>-?\s*{_DECIMAL})",
)
_MIXED = re.compile(
    rf"{_SIGN}(?P<whole>\d+)?\s*\\[dtc]?frac\s*(?:\{{\s*(?P<top>-?\s*{_DECIMAL})\s*\}}|(?P<top_digit>\d))"
    rf"\s*(?:\{{\s*(?P<below>-?\s*{_DECIMAL})\s*\}}|(?P<below_digit>\d))"
)
_SIGNALS = re.compile(
    r"(?:final\s+answer|answer)(?:\s+is)?\s*[:=]?\s*(?P<answer>[^\n]+)", re.IGNORECASE
)
_HASHES = re.compile(r"^[ \t]*####[ \t]*(?P<answer>\S[^\n]*)", re.MULTILINE)


def canonical_answer(text: str) -> str | None:
    r"""One form for answers that are the same number, whatever the way they are written.

    LaTeX wrappers, currency signs, thousands separators and trailing units or periods go; integers,
    decimals and simple fractions become an exact fraction in lowest terms ("0.50", "1/2" and
    "\frac{1}{2}" are all "1/2"). Any other text only has its white space normalised. A percentage
    counts as the number before its sign.

    Args:
      text: the answer, not the reasoning before it.

    Returns:
      The canonical form, or None where nothing is left.
    """
    # A long text is kept out of the cache as well.
    return " ".join(text.split()) if len(text) > _LONGEST else _canonical(text)


@lru_cache(maxsize=8192)
def _canonical(text: str) -> str | None:
    plain = _unwrapped(text)
    if not plain:
        return None
    number = _exact(plain)
    return plain if number is None else str(number)


def extract_answer(text: str) -> str | None:
    r"""The final answer that a response states, or None where it states none recognisably.

    In this order: what the last `\boxed{}` holds, the last line after `####`, and what follows the
    last "answer is" or "answer:".
    """
    if (boxed := _last_boxed(text)) is not None:
        return boxed.strip() or None
    for pattern in (_HASHES, _SIGNALS):
        answer = None
        for match in pattern.finditer(text):
            answer = match["answer"]
        if answer is not None:
            return answer.strip().strip("*").strip() or None
    return None


def same_answer(answer: str, target: str) -> bool | None:
    """Whether two answers are equal: None where that would take more than exact numbers.

    Equal canonical forms are equal. Two different numbers, or two different single letters (choices
    of a multiple-choice question), are unequal. Everything else is undecided.
    """
    forms = canonical_answer(answer), canonical_answer(target)
    if None in forms:
        return None
    first, second = (str(form) for form in forms)
    if first == second:
        return True
    choices = [form.strip("()") for form in (first, second)]
    if all(len(choice) == 1 and choice.isalpha() for choice in choices):
        return choices[0].upper() == choices[1].upper()
    if all(_exact(form) is not None for form in (first, second)):
        return False
    return None


def grade(text: str, target: str) -> tuple[str | None, bool | None]:
    """The final answer of a response and whether it equals the target (None: undecided)."""
    answer = extract_answer(text)
    if answer is None:
        return None, None
    return answer, same_answer(answer, extract_answer(target) or target)


def _unwrapped(text: str) -> str:
    plain = text.replace("\u2212", "-").strip()
    for _ in range(8):
        before = plain
        plain = _SPACING.sub(" ", plain).replace(r"\left", "").replace(r"\right", "")
        plain = plain.replace("{,}", ",").strip().rstrip(".").strip()
        for opening, closing in _DELIMITERS:
            inside = plain[len(opening) : -len(closing)]
            whole = plain.startswith(opening) and plain.endswith(closing)
            if whole and len(plain) >= len(opening + closing) and opening not in inside:
                plain = inside.strip()
        whole_match = _WHOLLY_WRAPPED.fullmatch(plain)
        if whole_match is not None and _balanced(whole_match["inside"]):
            plain = whole_match["inside"].strip()
        # Text after a number is a unit, and elsewhere words are what they say.
        plain = re.sub(rf"(?<=[\d.}}])\s*{_WRAPPED.pattern}$", "", plain)
        plain = _WRAPPED.sub(lambda match: match["inside"], plain)
        if _exact(bare := _TRAILING_UNIT.sub("", plain).strip()) is not None:
            plain = bare
        if _exact(bare := re.sub(r"^([-+]?)\s*(?:\\?\$|€|£)\s*", r"\1", plain)) is not None:
            plain = bare
        if plain == before:
            break
    return " ".join(plain.split())


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


def _exact(plain: str) -> Fraction | None:
    """The number that a text is, all of it, or None."""
    if len(plain) > _LONGEST:
        return None
    if match := _NUMBER.fullmatch(plain):
        value = _decimal(match["number"])
    elif match := _FRACTION.fullmatch(plain):
        value = _quotient(match["top"], match["below"])
    elif match := _MIXED.fullmatch(plain):
        top = match["top"] or match["top_digit"]
        value = _quotient(top, match["below"] or match["below_digit"])
        if value is not None and match["whole"]:
            value += int(match["whole"])
    else:
        return None
    return -value if value is not None and match["sign"] == "-" else value


def _quotient(top: str, below: str) -> Fraction | None:
    above, divisor = _decimal(top), _decimal(below)
    return above / divisor if above is not None and divisor else None


def _decimal(text: str) -> Fraction | None:
    digits = text.replace(",", "").replace(" ", "")
    if not any(character.isdigit() for character in digits) or not digits.isascii():
        return None
    return Fraction(digits.rstrip(".") if digits.endswith(".") else digits)


def _last_boxed(text: str) -> str | None:
    start = max(text.rfind(r"\boxed{"), text.rfind(r"\fbox{"))
    if start < 0:
        return None
    start = text.index("{", start) + 1
    depth = 1
    for end in range(start, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if depth == 0:
            return text[start:end]
    return None
