"""Answers as text: bring one to one form, and compare two as far as that takes no algebra.

What takes algebra is left to Math-Verify, in a process of its own (`tasks.mathematics`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from verigap.llm_validation.numerals import (
    DECIMAL,
    FACTOR,
    digits_number,
    in_ascii,
    leading_words,
)

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
_CURRENCY = r"(?:\\?(?:US)?\$|[€£¥₹]|\b(?:USD|EUR|GBP)\b|Rs\.?(?=\s*\d))"
_LEADING_CURRENCY = re.compile(rf"^([-+]?)\s*{_CURRENCY}\s*")
_TRAILING_CURRENCY = re.compile(rf"(?<=\d)\s*{_CURRENCY}$")
_BESIDE_NUMBERS = ((_TRAILING_UNIT, ""), (_LEADING_CURRENCY, r"\1"), (_TRAILING_CURRENCY, ""))
_PERCENT = re.compile(r"%|\bper ?cent\b", re.IGNORECASE)
# Math-Verify rounds to as many decimals where one of two numbers is a decimal.
DECIMALS = 6
_WRAPPED_UNIT = re.compile(
    rf"(?<=[\d.}}])\s*(?!\\(?:{_WRAPPERS})\s*\{{{FACTOR}){_WRAPPED.pattern}$",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"(?<![\w*])\*\*(?P<inside>[^*\s](?:[^*]*[^*\s])?)\*\*(?![\w*])")
_CHOICE_NAME = re.compile(
    r"(?:(?:the|my)\s+)?(?:(?:final|correct|right|best)\s+)?(?:option|choice|answer)\s*(?:is\b|:)?\s*"
    r"(?:option\b|choice\b)?\s*(?=[(\[]?[A-Za-z]\b)",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"[(\[]?(?P<letter>[A-Za-z])(?:[)\]]|(?=$|[.:,;]|\s+[-\u2013\u2014]\s|\s+(?:because|since)\b|"
    r"\s+is\s+(?:(?:the|my)\s+)?(?:correct|right|best|final|answer|option|choice)\b))"
)
_ONLY_CHOICE = re.compile(r"[(\[]?(?P<letter>[A-Za-z])[)\]]?")
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
# Words of a remark behind a number that words write.
_MOST_REMARKS = 2
_NO_UNIT = "and|or|to|pi|times|over|plus|minus|sqrt|sin|cos|tan|log|ln|exp"
_FUNCTIONS = "pi|sqrt|sin|cos|tan|log|ln|exp"
NEGATED = (
    r"(?:\b(?:not|never|cannot|nor|no longer|other than|anything but|instead of|rather than|than|"
    r"at (?:least|most)|up to)\b|n['\u2019]t\b|[<>\u2260\u2264\u2265]|!=|"
    r"\\(?:neq?|leq?|geq?|lt|gt|leqslant|geqslant|not)(?![A-Za-z]))"
    r"(?:\s*(?:=|\\?,|\b(?:be|been|is|equals?|or|to|of|exactly|simply|just|the|number)\b))*[\s($\\*_]*"
)
"""A pattern of what makes the number or the answer that follows one that is denied."""
# With these a number is another number, or no number: "\neq 8", "not 8", "twice 8", "8 squared".
_NOT_EQUAL = re.compile(
    rf"[^\d]*?{NEGATED}[-+]?\.?\d"
    r"|[^\d]*\b(?:twice|double|triple|half|times|over|under|above|below|plus|minus)\s+"
    r"(?:(?:or )?equal to |of )*[($\\-]*\d"
    r"|-?[\d.,]+\s*(?:(?:squared|cubed|factorial)\b|[-+]\s*[A-Za-z]$)",
    re.IGNORECASE,
)
_FACTORED = re.compile(rf"\d{FACTOR}", re.IGNORECASE)
_FIRST_DIGIT = re.compile(r"-?\d")
_QUANTITY = (
    rf"[-+]?\s*(?:\d+\s+(?:and\s+)?\d+\s*/\s*\d+|{DECIMAL}(?:\s*/\s*{DECIMAL}|[eE][-+]?\d{{1,3}})?)"
)
_REMARK = rf"[.,;:!]?\s+\(?(?!(?:{_NO_UNIT})\b)[A-Za-z]{{2}}"
_LEADING_NUMBER = re.compile(
    rf"{_CURRENCY}?\s*(?P<number>{_QUANTITY})(?:\s*\\?%)?(?:[.,;:?)]*$|{_REMARK})"
)
_AFTER_WORDS = re.compile(rf"[\s.,;:!?)]*$|{_REMARK}")
_WORDS_AND_NUMBER = re.compile(
    rf"(?:(?!(?:{_FUNCTIONS})\b)(?:[A-Za-z]{{2,}}|a)(?:\s+|-(?=[A-Za-z])))+"
    rf"\(?(?P<number>{_QUANTITY})\)?\.?",
    re.IGNORECASE,
)
_SEVERAL_NUMBERS = re.compile(rf"-?{DECIMAL}(?:\s+-?{DECIMAL})+")


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
    number = _number(plain)
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
    percent = [_PERCENT.search(text) is not None for text in (answer, target)]
    if any(percent):
        return _same_share(first, second, percent)
    for settled in (_same_choice, _same_number, _same_words):
        verdict = settled(first, second)
        if verdict is not None:
            return verdict
    return None


def _tight(form: str) -> str:
    """Without white space, but for that between two numbers."""
    form = re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", form)
    return re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", form)


def _same_choice(first: str, second: str) -> bool | None:
    right = _ONLY_CHOICE.fullmatch(second)
    if right is None:
        return None
    if name := _CHOICE_NAME.match(first):
        first = first[name.end() :]
    given = _CHOICE.match(first)
    if given is not None:
        rest = first[given.end() :]
        if rest[:1] in (",", ";") and _ANOTHER_CHOICE.match(rest):
            return False
        return given["letter"].upper() == right["letter"].upper()
    sentence = " " in first and _WORDS.fullmatch(first.partition(" ")[2])
    number = digits_number(first) is not None
    return False if sentence or number or _WORDS.fullmatch(first) else None


def _same_number(first: str, second: str) -> bool | None:
    right = _number(second)
    if right is None:
        return None
    given = _number(first)
    if given is None:
        if _NOT_EQUAL.match(first) or _SEVERAL_NUMBERS.fullmatch(first):
            return False
        given = _quantity(first)
    if given is not None:
        return _close(given, right)
    return False if "\\" not in first and not any(map(str.isdigit, first)) else None


def _same_share(first: str, second: str, percent: Sequence[bool]) -> bool | None:
    """Of answers one of which is a percentage: 50 % is 50 and, as Math-Verify takes it, 1/2."""
    given, right = _number(first), _number(second)
    if given is None and not _NOT_EQUAL.match(first):
        given = _quantity(first)
    if given is None or right is None:
        return None
    shares = [given / 100] if percent[0] and not percent[1] else []
    shares += [given * 100] if percent[1] and not percent[0] else []
    return any(_close(share, right) for share in (given, *shares))


def _close(given: Fraction, right: Fraction) -> bool:
    return given == right or round(given, DECIMALS) == round(right, DECIMALS)


def _number(form: str) -> Fraction | None:
    """The number that a text is, all of it."""
    value = digits_number(form)
    if value is None and (found := leading_words(_LEADING_CURRENCY.sub(r"\1", form))):
        value = found[0] if not found[1].strip(" .,;:!?)") else None
    return value


def _quantity(form: str) -> Fraction | None:
    """The number in an answer that has words beside it: "18 apples", "nearly $5 billion"."""
    factored = _FACTORED.search(form)
    start = _FIRST_DIGIT.search(form) if factored else None
    if found := leading_words(form[start.start() :] if start else form):
        value, rest = found
        # "One can see that" begins a sentence.
        brief = len(rest.split()) <= (1 if value == 1 else _MOST_REMARKS)
        if _AFTER_WORDS.match(rest) and (start or brief):
            return value
    if factored:
        return None
    match = _LEADING_NUMBER.match(form) or _WORDS_AND_NUMBER.fullmatch(form)
    return digits_number(match["number"]) if match else None


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
    plain = in_ascii(text).strip()
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
        plain = _EMPHASIS.sub(lambda match: match["inside"], plain) if "**" in plain else plain
        for pattern, kept in _BESIDE_NUMBERS:
            if digits_number(bare := pattern.sub(kept, plain).strip()) is not None:
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
