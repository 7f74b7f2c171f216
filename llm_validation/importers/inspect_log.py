"""Evaluation logs of Inspect: `.eval` (a zip of JSON) and `.json`.

What is packed as Inspect does by default is read here, Zstandard of recent versions too. Samples
stored in pieces are left to Inspect's own reader, where it is installed. Either way the zip's
directory is checked first: a small file that would unpack to something huge is refused unopened.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import scores, values
from verigap.llm_validation.importers.grading import NO_ANSWER, NO_VERDICT, Assessment, assess
from verigap.llm_validation.importers.packing import DAMAGE, zstandard_entry
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    LeftOut,
    Reading,
    Record,
    Sample,
    parse_anywhere,
)
from verigap.llm_validation.importers.sources import (
    LARGEST_DOCUMENT,
    document,
    json_object,
    opened,
    peeked,
)
from verigap.storage.tables import TableError

_HEADERS = ("header.json", "_journal/start.json", "start.json")
_SAMPLE = re.compile(r"samples/[^/]*\.json")
_IN_PIECES = re.compile(r"samples/.*/sample\.json")
_MOST_ENTRIES = 2_000_000
# JSON shrinks tenfold, a repetitive transcript a hundredfold; a bomb a thousandfold and more.
_HARMLESS, _STEEPEST, _LARGE_ENTRY = 256 * 2**20, 200, 16 * 2**20
_ZSTANDARD = 93
_MOST_OF_ERROR = 200
_UNPACKED = (
    zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, _ZSTANDARD,
)  # fmt: skip
_ATTACHMENT = "attachment://"
_INSTALL = "install inspect_ai, whose reader is then used"


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The samples of each log, one an epoch."""
    for path in paths:
        header, records = _opened_log(path, reading)
        first, records = peeked(records)
        scorer = _chosen(first, options)
        yield from scores.stated(header, scorer, str(path))
        parse = partial(_samples, header=header, scorer=scorer, above=options.correct_above)
        yield from parse_anywhere(records, parse)


def _chosen(records: list[Record], options: ImportOptions) -> str | None:
    found: list[dict[str, scores.Score]] = []
    for record in records:
        # What is wrong with a record is told, or counted, at its place.
        with contextlib.suppress(BadRecord):
            if isinstance(record.content, dict):
                found.append(scores.flattened(record.content.get("scores")))
    return scores.choose(found, options.scorer, options.correct_above)


def _opened_log(path: Path, reading: Reading) -> tuple[dict[str, Any], Iterable[Record]]:
    with opened(path, reading) as file:
        packed = file.read(2) == b"PK"
    if not packed:
        return _json_log(path, reading)
    try:
        with zipfile.ZipFile(path) as log:
            entries = log.infolist()
            _refuse_bomb(path, entries)
            wanted = [entry for entry in entries if _SAMPLE.fullmatch(entry.filename)]
            headers = {entry.filename: entry for entry in entries if entry.filename in _HEADERS}
            pieces = any(_IN_PIECES.fullmatch(entry.filename) for entry in entries)
            if not headers:
                raise TableError(f"{path}: holds no header.json; is this a log of Inspect?")
            foreign = [e for e in (*headers.values(), *wanted) if e.compress_type not in _UNPACKED]
            if pieces or foreign:
                return _by_inspect(
                    path, reading, "stored in pieces" if pieces else "of another kind"
                )
            first = next(headers[name] for name in _HEADERS if name in headers)
            header = json_object(_unpacked(log, first))
    except BadRecord as problem:
        raise TableError(f"{path}: {problem}; copy or download it again") from None
    except TableError:
        raise
    # An OSError where the directory leads to a place before the file, a ValueError where a name in
    # it is not UTF-8.
    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, *DAMAGE) as error:
        raise TableError(
            f"{path}: not a readable zip file ({_shortened(error)}); copy or download it again"
        ) from None
    if isinstance(header, BadRecord):
        raise TableError(f"{path}, {first.filename}: {header}; copy or download it again")
    return header, _entries(path, wanted, reading)


def _entries(path: Path, entries: list[zipfile.ZipInfo], reading: Reading) -> Iterator[Record]:
    with zipfile.ZipFile(path) as log:
        reading.files = [log]
        done = 0
        for entry in entries:
            done += entry.compress_size
            reading.begin(path, lambda done=done: done)
            try:
                content: Any = json_object(_unpacked(log, entry))
            except BadRecord as problem:
                content = problem
            except (zipfile.BadZipFile, OSError, RuntimeError, *DAMAGE) as error:
                content = BadRecord(f"cannot be unpacked ({_shortened(error)})")
            yield Record(f"{path}, {_plain(entry.filename)}", content)
    reading.end(path.stat().st_size)


def _unpacked(log: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """An entry, whatever its directory says of its size."""
    if entry.compress_type == _ZSTANDARD:
        data = zstandard_entry(_packed(log, entry), LARGEST_DOCUMENT + 1)
        if len(data) <= LARGEST_DOCUMENT and zlib.crc32(data) != entry.CRC:
            raise zipfile.BadZipFile("Bad CRC-32")
    else:
        with log.open(entry) as file:
            data = file.read(LARGEST_DOCUMENT + 1)
    if len(data) > LARGEST_DOCUMENT:
        raise BadRecord(f"an entry longer than {LARGEST_DOCUMENT // 2**20} MiB")
    return data


def _packed(log: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """An entry as it lies in the file, after its local header."""
    file = log.fp
    assert file is not None
    file.seek(entry.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise zipfile.BadZipFile("Bad magic number for file header")
    file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    return file.read(entry.compress_size)


def _refuse_bomb(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    packed = path.stat().st_size
    for entry in entries:
        if entry.file_size > _LARGE_ENTRY and entry.file_size > _STEEPEST * entry.compress_size:
            raise TableError(
                f"{path}: {entry.file_size / 2**20:,.0f} MiB of {_plain(entry.filename)} in "
                f"{entry.compress_size / 2**20:,.1f} MiB look like a zip bomb; nothing was unpacked"
            )
    if len(entries) > _MOST_ENTRIES or (total > _HARMLESS and total > _STEEPEST * packed):
        raise TableError(
            f"{path}: {len(entries)} entries of {total / 2**20:,.0f} MiB in a file of "
            f"{packed / 2**20:,.1f} MiB look like a zip bomb; nothing was unpacked"
        )


def _by_inspect(path: Path, reading: Reading, why: str) -> tuple[dict[str, Any], Iterator[Record]]:
    if importlib.util.find_spec("inspect_ai") is None:
        raise TableError(
            f"{path}: its samples are packed in a way ({why}) that cannot be read; "
            f"{_INSTALL}, or convert the log with "
            "`inspect log convert LOG --to json --output-dir DIR`"
        )
    from inspect_ai.log import read_eval_log  # pyright: ignore[reportMissingImports]

    try:
        header = read_eval_log(str(path), header_only=True).model_dump(mode="json")
    # Whatever a foreign reader trips over is a fault of the file to the user.
    except Exception as error:
        raise TableError(f"{path}: {_why(error)}; copy or download it again") from None
    return header, _inspect_records(path, reading)


def _inspect_records(path: Path, reading: Reading) -> Iterator[Record]:
    from inspect_ai.log import read_eval_log_samples  # pyright: ignore[reportMissingImports]

    kept = {"id", "epoch", "output", "scores", "error"}
    number = 0
    try:
        for sample in read_eval_log_samples(
            str(path), all_samples_required=False, resolve_attachments="core"
        ):
            number += 1
            content = sample.model_dump(mode="json", include=kept, exclude_none=True)
            yield Record(f"{path}, sample {number}", content)
    except Exception as error:
        yield Record(f"{path}, after sample {number}", BadRecord(_why(error)))
    reading.end(path.stat().st_size)


def _why(error: Exception) -> str:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"Inspect's reader gives up ({_plain(text)[:200]})"


def _shortened(error: Exception) -> str:
    """What is wrong with a zip file, which may hold thousands of bytes of it."""
    return _plain(str(error))[:_MOST_OF_ERROR]


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _json_log(path: Path, reading: Reading) -> tuple[dict[str, Any], list[Record]]:
    data = document(path, reading)
    content = data if isinstance(data, BadRecord) else json_object(data)
    if isinstance(content, BadRecord):
        raise TableError(f"{path}: neither a zip file nor a JSON log: {content}; check the file")
    samples = content.pop("samples", None)
    if not isinstance(samples, list):
        raise TableError(f"{path}: holds no list of samples; is this a log of Inspect?")
    records = [
        Record(
            f"{path}, sample {number}",
            sample if isinstance(sample, dict) else BadRecord("a sample that is no object"),
        )
        for number, sample in enumerate(samples, 1)
    ]
    return content, records


def _samples(
    record: dict[str, Any], header: dict[str, Any], scorer: str | None, above: float | None
) -> list[Sample]:
    prompt = values.identifier(values.get(record, "id"), "id")
    epoch = values.count(record.get("epoch", 1), "epoch") or 1
    if record.get("error"):
        raise LeftOut("a sample that ended in an error")
    output = values.mapping(values.get(record, "output"), "output")
    choices = values.listing(output.get("choices", []), "output.choices")
    if not choices:
        raise LeftOut("a sample without output")
    attachments = values.mapping(record.get("attachments") or {}, "attachments")
    text, final = _texts(values.mapping(choices[0], "a choice"), attachments)
    found = scores.flattened(record.get("scores"))
    assessment, decided_by, verdicts = _verdict(record, final, found, scorer, above)
    usage = output.get("usage")
    tokens = usage.get("output_tokens") if isinstance(usage, dict) and len(choices) == 1 else None
    count = values.count(tokens, "output.usage.output_tokens")
    spec = header.get("eval")
    spec = spec if isinstance(spec, dict) else {}
    task, model = spec.get("task"), spec.get("model")
    return [
        Sample(
            prompt,
            decided_by=decided_by,
            dataset=task if isinstance(task, str) else "",
            model=model if isinstance(model, str) else "",
            sample_id=epoch - 1,
            text=text,
            # Nothing is generated in no tokens; models without a count report zero.
            n_tokens=count if count or not text else None,
            sampling=_sampling(header, spec),
            verdicts=verdicts,
            **assessment._asdict(),
        )
    ]


def _texts(choice: dict[str, Any], attachments: dict[str, Any]) -> tuple[str, str]:
    """What was generated, and the part of it that answers: without the reasoning."""
    # Some models answer with calls of tools alone, and no content.
    content = values.mapping(values.get(choice, "message"), "message").get("content") or ""
    parts = [content] if isinstance(content, str) else values.listing(content, "content")
    generated: list[str] = []
    said: list[str] = []
    for part in parts:
        reasoning = part.get("reasoning") if isinstance(part, dict) else None
        shown = reasoning or part.get("text") if isinstance(part, dict) else part
        piece = values.text(shown or "", "content of a message")
        if piece.startswith(_ATTACHMENT):
            found = attachments.get(piece.removeprefix(_ATTACHMENT), piece)
            piece = values.text(found, "an attachment")
        generated.append(piece)
        said += [] if reasoning else [piece]
    return "\n".join(filter(None, generated)), "\n".join(filter(None, said))


def _verdict(
    record: dict[str, Any],
    text: str,
    found: dict[str, scores.Score],
    scorer: str | None,
    above: float | None,
) -> tuple[Assessment, str, dict[str, bool | None]]:
    """The verdict, whose it is, and those of all scorers."""
    if scorer is None:
        target = record.get("target")
        references = target if isinstance(target, list) else [target]
        stop = record["output"]["choices"][0].get("stop_reason")
        graded = assess(
            text,
            references,
            cut_off=stop in ("max_tokens", "model_length"),
            refused=stop == "content_filter",
        )
        return graded, "final answer against target" if target is not None else "nothing", {}
    verdicts = {name: score.lenient(above) for name, score in found.items()}
    if scorer not in found:
        return Assessment(extract_answer(text), None, NO_VERDICT), "nothing", verdicts
    score = found[scorer]
    correct = score.verdict(scorer, above, tuple(found))
    reason = NO_ANSWER if score.value == "N" else NO_VERDICT if correct is None else None
    answer = score.answer or extract_answer(text)
    return Assessment(answer, correct, reason), f"scorer {scorer}", verdicts


def _sampling(header: dict[str, Any], spec: dict[str, Any]) -> str | None:
    plan = header.get("plan")
    found: dict[str, Any] = {}
    for config in (plan.get("config") if isinstance(plan, dict) else None,
                   spec.get("model_generate_config")):  # fmt: skip
        if isinstance(config, dict):
            found |= {key: value for key, value in config.items() if not isinstance(value, dict)}
    return values.parameters(json.loads(json.dumps(found, default=str)))


FORMAT = Format(
    read,
    "a log of Inspect",
    frozenset({"scorer", "correct_above"}),
    lambda first: isinstance(first.get("eval"), dict) and "task" in first["eval"],
)
