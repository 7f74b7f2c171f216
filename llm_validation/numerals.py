r"""Numbers as people write them, read exactly.

| notation | examples |
| --- | --- |
| decimals | `1000`, `1,000`, `1 000`, `1'000`, `.5` |
| powers of ten | `1e3`, `1.5e-3`, `1.5 x 10^3`, `1.5 \times 10^{-3}` |
| fractions | `7/2`, `\frac{7}{2}`, `3 1/2`, `3\frac12` |
| words | `eighteen`, `one hundred and five`, `two thirds`, `3 and a half` |
| digits and words | `5 million`, `5 hundred thousand`, `3 million 200 thousand` |

Full-width digits and punctuation, the minus signs of Unicode, narrow spaces, superscripts and
characters such as ½ come to ASCII first (`in_ascii`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

# Longer than any number; beyond it a text is no number.
_LONGEST = 2000

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord(wide): plain
    for wide, plain in zip(
        "\u3000\u3001\u3002\uffe1\uffe5\u00a0\u2009\u202f", " ,.£¥   ", strict=True
    )
}
_HAS_WIDE = re.compile("[\uff01-\uff5e\u3000-\u3002\uffe1\uffe5\u00a0\u2009\u202f]")
_ALIKE = {ord(sign): "-" for sign in "\u2010\u2011\u2212\ufe63"} | {
    ord(space): " " for space in "\u2007\u2008\u200a"
} | {ord(slash): "/" for slash in "\u2044\u2215"}  # fmt: skip
# A dash before a number is its sign, unless it stands between two.
_DASH = re.compile(r"(?<![\w.)\]}])(?<![\w.)\]}]\s)[\u2012\u2013](?=\s?[\d.$])")
_RAISED = re.compile("[\u207b\u207a]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e]")

_GROUPED = r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3}|\d{1,3}(?:[ '_]\d{3})+"
DECIMAL = rf"(?:(?:{_GROUPED}|\d+)(?:\.\d*)?|\.\d+)"
"""A pattern of what a number has beside its sign."""
_POWER = (
    r"(?:[eE](?P<e>[-+]?\d{1,3})|"
    r"\s*(?:\\times|\\cdot|[x*\u00d7\u00b7])\s*10\s*(?:\^|\*\*)\s*"
    r"(?P<brace>\{\s*)?(?P<power>[-+]?\d{1,3})(?(brace)\s*\}))"
)
_SIGN = r"(?P<sign>[-+]?)\s*"
_NUMBER = re.compile(rf"{_SIGN}(?P<number>{DECIMAL})(?:{_POWER})?")
_MIXED = re.compile(rf"{_SIGN}(?P<whole>\d+)\s+(?:and\s+)?(?P<top>\d+)\s*/\s*(?P<below>\d+)")
_FRACTION = re.compile(rf"{_SIGN}(?P<top>{DECIMAL})\s*/\s*(?P<below>-?\s*{DECIMAL})")
_LATEX = re.compile(
    rf"{_SIGN}(?P<whole>\d+)?\s*\\[dtc]?frac\s*"
    rf"(?:\{{\s*(?P<top>-?\s*{DECIMAL})\s*\}}|(?P<top_digit>\d))\s*"
    rf"(?:\{{\s*(?P<below>-?\s*{DECIMAL})\s*\}}|(?P<below_digit>\d))"
)

# fmt: off
_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
# fmt: on
_VALUES = {word: value for value, word in enumerate(_ONES)} | {
    word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)
}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_FACTORS = {"dozen": 12, "hundred": 100} | _SCALES
_PARTS = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "hundredth": 100,
}  # fmt: skip
_SIGNS = ("minus", "negative")
_JOINTS = ("and", "a", "an")
_VOCABULARY = frozenset([*_VALUES, *_FACTORS, *_PARTS, *_SIGNS, *_JOINTS])
_TOKEN = re.compile(r"[^\s-]+|-(?=[\d.])")
FACTOR = rf"[\s~-]*(?:{'|'.join(_FACTORS)})s?\b"
"""A pattern of a word that multiplies the number before it."""


def half_width(text: str) -> str:
    """The text with full-width characters and fixed spaces as those of ASCII, at the same places.

    Example:
      >>> half_width("（Ｂ）　１８。")
      '(B) 18.'
    """
    if text.isascii() or _HAS_WIDE.search(text) is None:
        return text
    return text.translate(_WIDE)


def in_ascii(text: str) -> str:
    """The text with all characters that write numbers as those of ASCII.

    Example:
      >>> in_ascii("\u22123½, 1\u2009000, 10³")
      '-3 1/2, 1 000, 10^{3}'
    """
    if text.isascii():
        return text
    text = _RAISED.sub(lambda match: f"^{{{_compatible(match[0])}}}", half_width(text))
    text = _VULGAR.sub(lambda match: f" {_compatible(match[0])}", text)
    return _DASH.sub("-", text).translate(_ALIKE)


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_ALIKE)


def digits_number(text: str) -> Fraction | None:
    r"""The number that a text is, all of it, if digits write it; None otherwise.

    Args:
      text: in ASCII, without white space at its ends.

    Example:
      >>> digits_number("3 1/2"), digits_number("1.5e-3"), digits_number("3 apples")
      (Fraction(7, 2), Fraction(3, 2000), None)
    """
    if len(text) > _LONGEST:
        return None
    if match := _NUMBER.fullmatch(text):
        value = _decimal(match["number"])
        power = match["e"] or match["power"]
        if value is not None and power:
            value *= Fraction(10) ** int(power)
    elif (match := _MIXED.fullmatch(text)) and 0 < int(match["top"]) < int(match["below"]):
        value = int(match["whole"]) + Fraction(int(match["top"]), int(match["below"]))
    elif match := _FRACTION.fullmatch(text):
        value = _quotient(match["top"], match["below"])
    elif match := _LATEX.fullmatch(text):
        value = _quotient(
            match["top"] or match["top_digit"], match["below"] or match["below_digit"]
        )
        if value is not None and match["whole"]:
            value += int(match["whole"])
    else:
        return None
    return -value if value is not None and match["sign"] == "-" else value


def leading_words(text: str) -> tuple[Fraction, str] | None:
    """The number at the start of a text that words write, or digits and words, and what follows.

    Args:
      text: in ASCII.

    Returns:
      None where no such number is there, or where one cannot be told from what follows.

    Example:
      >>> leading_words("5 hundred thousand people"), leading_words("people")
      ((Fraction(500000, 1), ' people'), None)
    """
    tokens: list[str] = []
    ends: list[int] = []
    for match in _TOKEN.finditer(text[:_LONGEST]):
        word = match[0].rstrip(".,;:!?)")
        if not word or not (_known(word) or digits_number(word) is not None or word == "-"):
            break
        tokens.append(word.lower())
        ends.append(match.start() + len(word))
        if word != match[0]:
            break
    while tokens and tokens[-1] in _JOINTS:
        tokens.pop()
        ends.pop()
    if not any(map(_known, tokens)):
        return None
    value = _signed(tokens)
    return None if value is None else (value, text[ends[-1] :])


def _known(word: str) -> bool:
    return word.lower() in _VOCABULARY or _singular(word.lower()) in _VOCABULARY


def _singular(word: str) -> str:
    return "half" if word == "halves" else word.removesuffix("s")


def _signed(tokens: list[str]) -> Fraction | None:
    if tokens[0] in (*_SIGNS, "-"):
        value = _total(tokens[1:])
        return None if value is None else -value
    return _total(tokens)


def _total(tokens: list[str]) -> Fraction | None:
    """The value of words such as "two thousand and six", "two thirds" or "3 and a half"."""
    if not tokens:
        return None
    if _singular(tokens[-1]) in _PARTS and tokens[-1] not in _VALUES:
        return _with_part(tokens)
    if tokens[0] == "half" and len(tokens) > 1:
        whole = _whole(tokens[1:])
        return None if whole is None else whole / 2
    return _whole(tokens)


def _with_part(tokens: list[str]) -> Fraction | None:
    """The value of "half", "two thirds" or "one and three quarters"."""
    joint = max((at for at, word in enumerate(tokens) if word == "and"), default=-1)
    whole = _whole(tokens[:joint]) if joint > 0 else Fraction(0)
    number, parts = tokens[joint + 1 : -1], _PARTS[_singular(tokens[-1])]
    # Ten quarters, and 3 quarters in digits, are coins.
    # Third alone is a place.
    single = number in (["a"], ["an"]) or (not number and tokens[-1] == "half")
    count = (
        Fraction(1) if single else None if number[:1] and number[0][0].isdigit() else _whole(number)
    )
    if whole is None or count is None or not 0 < count < parts:
        return None
    return whole + count / parts


def _whole(tokens: Sequence[str]) -> Fraction | None:
    total, current, last_scale = Fraction(0), None, None
    for at, word in enumerate(tokens):
        if word == "and" and 0 < at < len(tokens) - 1:
            continue
        if word in ("a", "an") and at < len(tokens) - 1 and current is None:
            current = Fraction(1)
            continue
        factor = _FACTORS.get(_singular(word))
        if factor is None:
            value = Fraction(_VALUES[word]) if word in _VALUES else digits_number(word)
            # Seventy two, two hundred two, but not two seventy.
            room = 100 if current and not current % 100 else 10 if _is_tens(current) else 0
            if value is None or (current is not None and not 0 < value < room):
                return None
            current = (current or 0) + value
        elif factor in _SCALES.values():
            if current is None or (last_scale is not None and factor >= last_scale):
                return None
            total, current, last_scale = total + current * factor, None, factor
        elif current is None:
            return None
        else:
            current *= factor
    return total if current is None else total + current


def _is_tens(current: Fraction | None) -> bool:
    return current is not None and current >= 20 and not current % 10 and bool(current % 100)


def _quotient(top: str, below: str) -> Fraction | None:
    above, divisor = _decimal(top), _decimal(below)
    return above / divisor if above is not None and divisor else None


def _decimal(text: str) -> Fraction | None:
    digits = re.sub(r"[\s,'_]", "", text)
    if not any(character.isdigit() for character in digits) or not digits.isascii():
        return None
    return Fraction(digits.removesuffix("."))
