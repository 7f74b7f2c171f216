r"""The final answer that a response states, found by the patterns that evaluation harnesses use.

| pattern | whose it is |
| --- | --- |
| the last `<answer>...</answer>` | R1, TRL |
| the last `\boxed{}` | MATH, Minerva, Math-Verify |
| `#### 18` | GSM8K |
| "Final Answer: The final answer is $18$. I hope it is correct." | Minerva |
| "the answer is 18", "Answer: C" | chain of thought, simple-evals |
| "18 is the answer", a last line that only names a choice | multiple-choice prompts |
| `{"answer": "B"}` at the end | prompts that ask for JSON |
| the last number | GSM8K's flexible extraction, on the last line only |
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from verigap.llm_validation.answers import NEGATED, canonical_answer
from verigap.llm_validation.json_answers import json_answer
from verigap.llm_validation.numerals import DECIMAL, half_width, in_ascii

_SPECIAL = re.compile(
    r"<\|(?:im_end|eot_id|endoftext|end_of_text|end|return|im_start)\|>|</s>|<end_of_turn>"
)
# Where the thoughts of a reasoning model end, as its chat template marks it.
_FINAL_CHANNEL = "<|channel|>final<|message|>"
_THOUGHTS_END = re.compile(r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]", re.IGNORECASE)
# What a base model writes after its answer: the next question of a few-shot prompt.
_NEXT_QUESTION = re.compile(
    r"\n[ \t]*(?:\*\*)?(?:Question|Problem|Q|Human|User)[ \t]*\d*[ \t]*:", re.IGNORECASE
)
_TAGGED = re.compile(r"<answer>(?P<answer>(?:(?!<answer>).)*?)</answer>", re.IGNORECASE | re.DOTALL)
_BOX = re.compile(r"\\f?boxed(?:\s*\{|\s+(?P<bare>[^\s{}$]+))|\\fbox\s*\{")
_MINERVA = re.compile(
    r"final answer is[ \t]*(?P<answer>[^\n]+?)\.?[ \t]*I hope (?:it|this) is correct", re.IGNORECASE
)
_HASHES = re.compile(r"^[ \t]*####[ \t]*(?P<answer>\S[^\n]*)", re.MULTILINE)
_BRACE = re.compile(r"[{}]")
_HASHED_NUMBER = re.compile(r"(?:\\?[$€£])?-?[.\d][\d.,]*")
_NUMBERED_HEADING = re.compile(r"\d+[.):]?[ \t]+[A-Z]")
# The words are found first, as text, which is fast; one of the letters stands before each.
_SIGNAL_WORDS = {"nswer": "aA", "NSWER": "A", "ption": "oO", "hoice": "cC", "\u7b54\u6848": ""}
_RIGHT = ("correct", "right", "best")
_SIGNAL = re.compile(
    r"(?:\b|(?<=\u6848))[ \t*_]*"
    r"(?:to[ \t][^.:\n]{1,80}?[ \t](?=is\b))?"
    r"(?:(?:is|would[ \t]+be|should[ \t]+be|must[ \t]+be|equals)\b[ \t*_]*(?::|=)?|:|=|"
    r"[\u662f\u4e3a]:?)"
    r"[ \t*_]*(?:(?:option|choice)[ \t]+(?=\(?[A-Za-z]\b))?",
    re.IGNORECASE,
)
# Before "answer", as in "so B is the right answer".
_CLAUSE_START = re.compile(
    r".*(?:[.!?;:,]\s|\b(?:so|thus|hence|therefore|then|that|think|believe|say)\b,?\s)\s*",
    re.IGNORECASE,
)
_REVERSED = re.compile(
    r"[*_\s]*(?P<answer>\S.{0,59}?)\s+(?:is|must\s+be|would\s+be|should\s+be)\s+"
    r"(?:the|my)\s+(?:(?:final|correct|right|best)\s+)*",
    re.IGNORECASE,
)
_NO_SUBJECT = re.compile(
    r"(?:this|that|it|what|which|here|there|these|those|where|how)\b", re.IGNORECASE
)
# A last line that only names a choice.
_CONCLUSION = re.compile(
    r"(?:(?:so|thus|hence|therefore|then),?\s+)?"
    r"(?:(?:I(?:\s+would|['\u2019]d|\s+will|['\u2019]ll)?\s+(?:choose|pick|select|go\s+with|say)|"
    r"it(?:\s+is|['\u2019]s)|(?:(?:the|my)\s+)?(?:(?:final|correct|right|best)\s+)?answer)\s*:?\s*)?"
    r"(?:(?:option|choice)\s+)?(?P<answer>[(\[][A-Za-z][)\]]|(?-i:[A-Z])\b)"
    r"(?:\s+(?:is|must\s+be)\s+(?:the\s+)?(?:correct|right|best)(?:\s+(?:one|answer|option|choice))?)?"
    r"[.!]?",
    re.IGNORECASE,
)
_REVERSED_WINDOW = 160
_OPEN_SIGNAL = re.compile(
    r"(?:\banswer\b[^\n.]{0,40}[:=]|\banswer[ \t]+is"
    r"|^[ \t]*\#*[ \t]*\**[ \t]*(?:the[ \t]+)?(?:final[ \t]+)?answer)"
    r"[ \t*_:]*\n\s*(?P<answer>[^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_REMARK = re.compile(
    r"(?:correct|incorrect|right|wrong|clear|obvious|therefore|thus|not|given|based|as follows|"
    r"shown|below|above|already|a (?:bit|matter)|in the form)\b",
    re.IGNORECASE,
)
# Not after a single letter, which is a choice: "B. Paris".
_SENTENCE_END = re.compile(
    r"(?<=[^\s.][^\s.A-Z(])[.!](?:[*_]*)[ \t]+(?=[A-Z])|(?<=\d)[.!][ \t]+(?=[A-Z])"
)
_BARE = re.compile(
    r"\S{1,80}|(?:[-+]?\s*[\d$€£\\(\[{]|[A-Za-z]\s*=|\(?[A-Z]\))[^\n]{0,79}", re.DOTALL
)
# Of a bare answer: "18 square metres each".
_WORD, _MOST_WORDS = re.compile(r"[A-Za-z]{2,}"), 3
_LAST_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])-?(?:\\?[$€£¥])?(?:\d+ (?=\d+/\d))?"
    rf"(?>{DECIMAL}(?:[eE][-+]?\d+)?)(?:\s?/\s?\d+)?(?:\s?\\?%)?(?![A-Za-z0-9_])"
)
# Of what stands before a number, so much can deny it.
_DENIAL = 60
_DENIED = re.compile(rf"{NEGATED}$", re.IGNORECASE)
# What may stand behind it, too.
_DENIED_AFTER = re.compile(
    r"\W*\b(?:(?:is|was|can|could|would|will)(?:\s+not|n['’]t)|cannot)\b[^.;,]*\b(?:answer|correct|right|result|"
    r"solution)\b",
    re.IGNORECASE,
)
_LAST_FORMULA = re.compile(r"\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]")


def extract_answer(text: str, stops: Iterable[str] = ()) -> str | None:
    r"""The final answer that a response states, or None where it states none recognisably.

    In this order: what the last complete `<answer>` tag holds (or the answer that is stated within
    it), what the last closed `\boxed{}` holds, the last line after `####` that is no
    heading, what follows the last "answer is" or "answer:" on its line (or, where nothing does, on
    the next line that is not empty), and a response that is nothing but an answer. What a reasoning
    model thinks before it replies does not count.

    Args:
      text: the response.
      stops: the stop sequences it was asked for with; what follows one does not count, and neither
        does what follows an end mark or the next question of a few-shot prompt.
    """
    text = half_width(reply_alone(text, stops))
    question = _NEXT_QUESTION.search(text)
    if question is not None and text[: question.start()].strip():
        found = _stated(text[: question.start()])
        if found is not None:
            return found
    return _stated(text)


def last_quantity(text: str, stops: Iterable[str] = ()) -> str | None:
    """The last formula, else the last number, on the last line of a response.

    One that is denied ("not 8", "at most 8", "8 is not the answer") does not count.

    Example:
      >>> last_quantity("We have 9 and not 8")
      '9'
    """
    text = reply_alone(text, stops).rstrip()
    line = in_ascii(text[text.rfind("\n") + 1 :])
    for pattern in (_LAST_FORMULA, _LAST_NUMBER):
        found = list(pattern.finditer(line))
        for match in reversed(found):
            before = line[max(0, match.start() - _DENIAL) : match.start()]
            if not _DENIED.search(before) and not _DENIED_AFTER.match(line, match.end()):
                return (next(filter(None, match.groups()), None) or match[0]).strip(" .") or None
        if found:
            return None
    return None


def reply_alone(text: str, stops: Iterable[str] = ()) -> str:
    r"""What a response says to its reader: no thoughts before it, nothing after its end.

    Thoughts count as part of the reply where their end is not marked, as in lm-eval and Inspect.

    Args:
      text: the response.
      stops: the stop sequences it was asked for with.

    Example:
      >>> reply_alone("<think>Is it 3? No.</think>4<|im_end|>")
      '4'
    """
    if _FINAL_CHANNEL in text:
        text = text.rpartition(_FINAL_CHANNEL)[2]
    text = _without_tail(text, stops)
    if "</" in text or "[/" in text:
        ends = [match.end() for match in _THOUGHTS_END.finditer(text)]
        text = text[ends[-1] :] if ends else text
    return text


def _without_tail(text: str, stops: Iterable[str]) -> str:
    # Most texts have no such mark, and looking for it costs more than knowing that.
    ends = [match.start() for match in [_SPECIAL.search(text)] if match] if "<" in text else []
    ends += [text.find(stop) for stop in stops if stop]
    if not ends:
        return text
    kept = text[: min((end for end in ends if end >= 0), default=len(text))]
    return kept if kept.strip() else text


def _stated(text: str) -> str | None:
    for find in _PATTERNS:
        answer = find(text)
        if answer is not None and canonical_answer(answer) is not None:
            return answer
    return None


def _tagged(text: str) -> str | None:
    """What the last complete tag states, or all that it holds."""
    if "</" not in text:
        return None
    for match in reversed(list(_TAGGED.finditer(text))):
        inside = match["answer"].strip()
        if canonical_answer(inside) is not None:
            return _stated(inside) or _trimmed(inside)
    return None


def _boxed(text: str) -> str | None:
    """What the last box that is closed holds."""
    if "box" not in text:
        return None
    boxes = list(_BOX.finditer(text))
    closing = _closing_braces(text) if boxes else {}
    for match in reversed(boxes):
        if match["bare"]:
            return match["bare"].rstrip(".,;")
        # The brace that opens it is the last character of the match.
        end = closing.get(match.end() - 1)
        if end is not None:
            return text[match.end() : end].strip()
    return None


def _closing_braces(text: str) -> dict[int, int]:
    """Where each brace is closed that is, by where it opens; found in one pass."""
    opened: list[int] = []
    closing = {}
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif opened:
            closing[opened.pop()] = brace.start()
    return closing


def _minerva(text: str) -> str | None:
    found = _MINERVA.findall(text) if "I hope" in text else []
    return _trimmed(found[-1]) if found else None


def _hashed(text: str) -> str | None:
    if "####" not in text:
        return None
    for match in reversed(list(_HASHES.finditer(text))):
        answer = match["answer"].strip()
        if answer.startswith("#") or _NUMBERED_HEADING.match(answer):
            continue
        last = not text[match.end() :].strip()
        if _HASHED_NUMBER.match(answer) or (last and not answer.rstrip("*_ ").endswith(":")):
            return _signalled(answer) or _trimmed(answer)
    return None


def _signalled(text: str) -> str | None:
    words = _signal_words(text)
    for start, after in reversed(words):
        if not _is_signal(text, start):
            continue
        match = _SIGNAL.match(text, after)
        if match is None:
            if answer := _before(text, start):
                return answer
            continue
        end = text.find("\n", match.end())
        rest = text[match.end() : end if end >= 0 else len(text)].strip()
        if rest.strip("*_ :$") and not rest.startswith("#") and not _REMARK.match(rest):
            return _trimmed(rest)
    for match in reversed(list(_OPEN_SIGNAL.finditer(text)) if words else []):
        answer = match["answer"].strip()
        if answer in ("$$", r"\["):
            answer = text[match.end() :].strip().partition("\n")[0].strip()
        if not answer.startswith("#") and _signalled(answer) is None:
            return _trimmed(answer)
    return None


def _before(text: str, start: int) -> str | None:
    """The answer in "so B is the answer", of which the last word is at `start`."""
    line = text[max(text.rfind("\n", 0, start) + 1, start - _REVERSED_WINDOW) : start]
    clause = _CLAUSE_START.match(line)
    match = _REVERSED.fullmatch(line[clause.end() if clause else 0 :])
    if match is None or _NO_SUBJECT.match(match["answer"]):
        return None
    return _trimmed(match["answer"])


def _concluded(text: str) -> str | None:
    """The choice that the last line names, where it says nothing else."""
    plain = text.rstrip()
    line = plain[plain.rfind("\n") + 1 :] if len(plain) < 120 else plain[-120:].rpartition("\n")[2]
    match = _CONCLUSION.fullmatch(line.replace("**", "").strip(" \t*_`>#"))
    return match["answer"] if match else None


def _signal_words(text: str) -> list[tuple[int, int]]:
    """Where the words begin and end that may announce an answer, in order."""
    spans: list[tuple[int, int]] = []
    for part, letters in _SIGNAL_WORDS.items():
        at = text.find(part)
        while at >= 0:
            after = at + len(part)
            if not letters:
                spans.append((at, after))
            elif at and text[at - 1] in letters:
                spans.append((at - 1, after))
            at = text.find(part, after)
    return sorted(spans)


def _is_signal(text: str, start: int) -> bool:
    """Whether the word there speaks of the answer: "answer", or "the correct option"."""
    if text[start] in "aA\u7b54":
        before = text[max(0, start - 1) : start]
        return not (before.isascii() and before.isalpha())
    return text[max(0, start - 12) : start].rstrip(" \t").lower().endswith(_RIGHT)


def _trimmed(answer: str) -> str:
    """Without the next sentence and without marks of emphasis."""
    plain = _SENTENCE_END.split(answer.strip().strip("*_`").strip(), maxsplit=1)[0]
    return plain.strip().strip("*`").strip()


def _bare(text: str) -> str | None:
    plain = text.strip()
    if "\n" in plain or not _BARE.fullmatch(plain) or len(_WORD.findall(plain)) > _MOST_WORDS:
        return None
    # Last, as its search is slow on what is long.
    return None if _DENIED_AFTER.search(plain) else _trimmed(plain)


_PATTERNS = (_tagged, json_answer, _boxed, _minerva, _hashed, _signalled, _concluded, _bare)
