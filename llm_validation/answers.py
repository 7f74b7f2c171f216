"""Answers as text: bring one to one form, and compare two as far as that takes no algebra.

What takes algebra is left to Math-Verify, in a process of its own (`tasks.mathematics`).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

# Longer than any answer; beyond it a text is compared as it stands.
_LONGEST = 2000
_LONGEST_CACHED = 200

_WRAPPERS = "boxed|fbox|text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox"
_WRAPPED = re.compile(rf"\\(?:{_WRAPPERS})\s*\{{(?P<inside>[^{{}}]*)\}}")
_WHOLLY_WRAPPED = re.compile(rf"\\(?:{_WRAPPERS})\s*\{{(?P<inside>.*)\}}", re.DOTALL)
_SPACING = re.compile(r"\\[,;:!>]|\\(?:q?quad|(?:thin|med|thick|en)space)(?![A-Za-z])|\\ |~")
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
# Math-Verify rounds to as many decimals where one of two numbers is a decimal.
DECIMALS = 6
_FACTORS = {
    "dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9,
    "trillion": 10**12,
}  # fmt: skip
_FACTOR = re.compile(rf"[\s~-]*(?:{'|'.join(_FACTORS)})s?\b", re.IGNORECASE)
_FACTORED = re.compile(rf"\d{_FACTOR.pattern}", re.IGNORECASE)
_WRAPPED_UNIT = re.compile(
    rf"(?<=[\d.}}])\s*(?!\\(?:{_WRAPPERS})\s*\{{{_FACTOR.pattern}){_WRAPPED.pattern}$",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\(?(?P<letter>[A-Za-z])(?:\)|(?=$|[.:,;]|\s+[-\u2013\u2014]\s))")
_ONLY_CHOICE = re.compile(r"\(?(?P<letter>[A-Za-z])\)?")
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[\s'\u2019-]+[^\W\d_]+)*")
_CLAUSE_END = re.compile(r"[.,;:!?(]")
# Behind a comma: another choice, another verdict, or (of other words) no explanation.
_ANOTHER_CHOICE = re.compile(
    r"[\s,;]*(?:(?:and|or|&)\s+)?"
    r"\(?(?:[A-Z](?=$|[.,;:)]|\s+(?:and|or|&|are|is)\b)|[a-z](?=$|[.,;)]))"
)
_VERDICTS = "yes|no|true|false"
_ANOTHER_VERDICT = re.compile(rf"[\s,;]*(?:(?:and|or|not)\s+)*(?:{_VERDICTS})\b", re.IGNORECASE)
_EXPLAINED = re.compile(
    r"[\s,;]*(?:$|(?:because|since|as|so|for|which|who|where|when|whose|that|this|it|he|she|they|we|"
    r"I|the|by|given|thus|hence|therefore|due|not|if|being|is|was|are|were)\b)",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(r"(?P<name>\\?[A-Za-z]\w{0,9})\s*=\s*(?P<value>[^=]+)")
_NO_UNIT = "and|or|to|pi|times|over|plus|minus|sqrt|sin|cos|tan|log|ln|exp"
_FUNCTIONS = "pi|sqrt|sin|cos|tan|log|ln|exp"
_NEGATIVE = re.compile(r"(?:minus|negative)\s+(?=\d)", re.IGNORECASE)
_MULTIPLE = re.compile(
    rf"(?:\\?[$€£]\s*)?(?P<number>-?{_DECIMAL})[\s-]*(?P<factor>{'|'.join(_FACTORS)})s?\b"
    rf"(?=[\s.,;:!?)]*$|[.,;:]?\s+\(?(?!(?:{_NO_UNIT}|{'|'.join(_FACTORS)})\b)[A-Za-z]{{2}})",
    re.IGNORECASE,
)
# With these a number is another number, or no number: "\neq 8", "not 8", "twice 8", "8 squared".
_NOT_EQUAL = re.compile(
    r"\s*(?:[<>≠≤≥]|!=|\\(?:neq?|leq?|geq?|lt|gt|leqslant|geqslant|not)(?![A-Za-z]))"
    r"|[^\d]*\b(?:not|never|isn't|isn\u2019t|than|at (?:least|most)|twice|double|triple|half|times|"
    r"up to|over|under|above|below|plus|minus)\s+(?:(?:or )?equal to |of )*[($\\-]*\d"
    r"|-?[\d.,]+\s*(?:(?:squared|cubed|factorial)\b|[-+]\s*[A-Za-z]$)",
    re.IGNORECASE,
)
_LEADING_NUMBER = re.compile(
    rf"(?:\\?[$€£]\s*)?(?P<number>-?{_DECIMAL})"
    rf"(?:[.,;:?)]*$|[.,;:!]?\s+\(?(?!(?:{_NO_UNIT})\b)[A-Za-z]{{2}})"
)
_WORDS_AND_NUMBER = re.compile(
    rf"(?:(?!(?:{_FUNCTIONS})\b)(?:[A-Za-z]{{2,}}|a)(?:\s+|-(?=[A-Za-z])))+"
    rf"\(?(?P<number>-?{_DECIMAL})\)?\.?",
    re.IGNORECASE,
)


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


def same_answer(answer: str, target: str) -> bool | None:
    """Whether an answer is the right one, as far as that takes no algebra.

    Settled here: texts that are equal apart from white space and LaTeX spacing, choices ("C) 15."
    is C), words (without regard to case), numbers (also with a unit or a remark behind them, with
    a word that multiplies them, and rounded to `DECIMALS` decimals where one is a decimal), and the
    same under an assignment ("x = 5" is 5). Several answers are not one: "A, B" is not A.

    Returns:
      None where only algebra can tell, or where `target` is empty.
    """
    # The samples of a prompt share few answers; a long text is kept out of the cache.
    short = len(answer) + len(target) <= _LONGEST_CACHED
    return (_compared if short else _compared.__wrapped__)(answer, target)


@lru_cache(maxsize=8192)
def _compared(answer: str, target: str) -> bool | None:
    first, second = canonical_answer(answer), canonical_answer(target)
    if second is None:
        return None
    if first is None:
        return False
    if first == second or _tight(first) == _tight(second):
        return True
    names = [_ASSIGNMENT.fullmatch(form) for form in (first, second)]
    if any(names) and len({match["name"] for match in names if match}) == 1:
        bare = [
            match["value"] if match else form
            for match, form in zip(names, (first, second), strict=True)
        ]
        return same_answer(*bare)
    if "%" in answer + target:
        # Half of 1 is 50 % of it, and 50 % as a number is 50: both readings are Math-Verify's.
        return None
    for settled in (_same_choice, _same_number, _same_words):
        verdict = settled(first, second)
        if verdict is not None:
            return verdict
    return None


def _tight(form: str) -> str:
    return re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", re.sub(r"\s+", "", form))


def _same_choice(first: str, second: str) -> bool | None:
    right = _ONLY_CHOICE.fullmatch(second)
    if right is None:
        return None
    given = _CHOICE.match(first)
    if given is not None:
        rest = first[given.end() :]
        if rest[:1] in (",", ";") and _ANOTHER_CHOICE.match(rest):
            return False
        return given["letter"].upper() == right["letter"].upper()
    sentence = " " in first and _WORDS.fullmatch(first.partition(" ")[2])
    return False if sentence or _WORDS.fullmatch(first) or _exact(first) is not None else None


def _same_number(first: str, second: str) -> bool | None:
    right = _number(second)
    if right is None:
        return None
    given = _number(first)
    if given is None:
        if _NOT_EQUAL.match(first):
            return False
        if _FACTORED.search(first):
            digits = re.search(r"-?\d", first)
            return digits is not None and _number(first[digits.start() :]) == right
        match = _LEADING_NUMBER.match(first) or _WORDS_AND_NUMBER.fullmatch(first)
        given = _exact(match["number"]) if match else None
    if given is not None:
        return given == right or round(given, DECIMALS) == round(right, DECIMALS)
    return False if "\\" not in first and not any(map(str.isdigit, first)) else None


def _number(form: str) -> Fraction | None:
    """The number that a text is, also with a word that multiplies it: "5 million"."""
    form = _NEGATIVE.sub("-", form, count=1) if form[:1] in "mMnN" else form
    match = _MULTIPLE.match(form)
    number = _exact(match["number"] if match else form)
    return number * _FACTORS[match["factor"].lower()] if match and number is not None else number


def _same_words(first: str, second: str) -> bool | None:
    right = second.strip(" .!*\"'")
    if "\\" in first or not _WORDS.fullmatch(right):
        return None
    wanted = "".join(right.casefold().split())
    plain = first.lstrip(" \"'*(")
    head = _CLAUSE_END.split(plain)[0]
    given = [first] if _several(right, plain[len(head) :]) else [first, head]
    return any("".join(text.strip(" .!*\"'").casefold().split()) == wanted for text in given)


def _several(right: str, rest: str) -> bool:
    """Whether what follows the first clause of an answer is another answer, and no remark."""
    if rest[:1] not in (",", ";"):
        return False
    if re.fullmatch(_VERDICTS, right, re.IGNORECASE):
        return _ANOTHER_VERDICT.match(rest) is not None
    return _EXPLAINED.match(rest) is None


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
        plain = _WRAPPED_UNIT.sub("", plain)
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
