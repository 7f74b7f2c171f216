"""How long a text is, in one unit for a whole table."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from verigap.llm_validation.importers.records import BadRecord, ImportOptions, Sample
from verigap.storage.tables import TableError
from verigap.storage.units import UNITS


class Lengths:
    """Gives samples their length, and holds on to the unit of the first one.

    Lengths of different units in one table would be silently incomparable, so the first sample
    settles the unit: what the source counts, else tokens where there is a tokenizer, else words.
    """

    def __init__(self, options: ImportOptions) -> None:
        """Load the tokenizer, if one is given.

        Raises:
          TableError: it is not there, not readable, or the package is not installed.
        """
        if options.unit not in (None, *UNITS):
            raise ValueError(f"unit: unknown {options.unit!r}; use one of {', '.join(UNITS)}")
        if options.tokenizer is not None and options.unit in ("words", "characters"):
            raise ValueError(f"tokenizer: of no use with `unit` {options.unit}; give one of them")
        self.unit = options.unit or ("tokens" if options.tokenizer else None)
        self._asked = options.unit is not None
        self._recounted = 0
        self._counters: dict[str, Callable[[str], int]] = {
            "words": lambda text: len(text.split()),
            "characters": len,
        }
        if options.tokenizer is not None:
            self._counters["tokens"] = _token_counter(options.tokenizer)

    def measured(self, sample: Sample) -> int | None:
        """The length of a sample in the unit of the table, None where it is unknown.

        A length of 0 beside a text is unknown. A text is not counted in tokens without a tokenizer.

        Raises:
          BadRecord: the length is known in another unit only.
        """
        if sample.n_tokens == 0 and sample.text:
            sample = sample._replace(n_tokens=None)
        if sample.n_tokens is not None and self.unit in (None, sample.unit):
            self.unit = sample.unit
            return sample.n_tokens
        given = sample.n_tokens is not None or sample.first_correct is not None
        if sample.first_correct is not None or sample.text is None:
            # What the source says of positions cannot be counted anew.
            if given and sample.unit != (self.unit or sample.unit):
                raise BadRecord(
                    f"its length counts {sample.unit}, where the table counts {self.unit}"
                )
            self.unit = self.unit or (sample.unit if given else None)
        if sample.text is None:
            return None
        unit = self.unit or "words"
        count = self._counters.get(unit)
        if count is None:
            return None
        self.unit = unit
        self._recounted += sample.n_tokens is not None
        return count(sample.text)

    def notes(self) -> list[str]:
        """A line on lengths of the source that were not used although nobody asked for that."""
        if self._asked or not self._recounted:
            return []
        return [
            f"the lengths that are given for {self._recounted} samples are not used: the first "
            f"sample has none, so all are counted in {self.unit}; with `unit` tokens those given "
            "count and the others are unknown"
        ]


def lacking(unknown: int, samples: int) -> str | None:
    """One line on samples without a length among others; None where all or none have one."""
    if 0 < unknown < samples:
        return f"length unknown for {unknown} of {samples} samples"
    return None


def _token_counter(path: Path) -> Callable[[str], int]:
    if importlib.util.find_spec("tokenizers") is None:
        raise TableError(
            "tokenizer: needs the package tokenizers; install it (pip install tokenizers) or "
            "count words with `unit` words"
        )
    if not path.is_file():
        raise TableError(f"{path}: no such file; give the path of a tokenizer.json")
    from tokenizers import Tokenizer  # pyright: ignore[reportMissingImports]

    try:
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
    # The package raises bare exceptions.
    except Exception as error:
        why = (str(error).splitlines() or ["unknown format"])[0][:120]
        raise TableError(f"{path}: not a tokenizer.json ({why}); check the file") from None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
