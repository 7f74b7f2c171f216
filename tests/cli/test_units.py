"""What lengths count is said by every command, and is never called tokens where it is not."""

import html
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.command import InProcess, succeeded
from verigap.llm_validation.traces import Traces, write_traces

# The risks are no matter here, only what they count in.
pytestmark = pytest.mark.usefixtures("few_replicates")

FIXTURES = Path(__file__).parent / "fixtures"
HORIZON = 16
# What may speak of tokens: how far the unit is from what a budget is paid in, and how to mend it.
ALLOWED = (
    "not in the tokens that a budget is paid in",
    "Import with the model's tokenizer",
)
COMMANDS = {
    "fit": "fit t.parquet --horizon 16",
    "measure": "measure t.parquet --horizon 16 --n 8 --candidates 2 --seeds 2",
    "predict": "predict t.parquet --horizon 16 --n 8 --candidates 2",
    "predict laws": "predict laws.parquet --n 8 --candidates 2 --log2-class 4",
    "laws": "laws t.parquet --horizon 16 --out again.parquet",
    "bounds": "bounds --horizon 16 --n 8 --log2-class 4 --candidates 2 --law laws.parquet",
}


def rows(unit: str | None, model: str = "m") -> pl.DataFrame:
    """Three prompts of four samples each, of which some are right from place 3, 4, .. on."""
    return pl.DataFrame(
        [
            {
                "model": model,
                "prompt_id": f"p{prompt}",
                "sample_id": sample,
                "correct": (right := (prompt + sample) % 3 > 0),
                "first_correct": 3 + prompt + sample if right else None,
                "n_tokens": 14,
                "answer": "7" if right else f"{sample}",
                "unit": unit,
            }
            for prompt in range(3)
            for sample in range(4)
        ],
        schema_overrides={"unit": pl.String},
    )


def ask(run: InProcess, folder: Path, command: str) -> str:
    return succeeded(run(*command.split(), cwd=folder)).stdout


def without_allowed(text: str) -> str:
    text = html.unescape(text)
    for words in ALLOWED:
        text = text.replace(words, "")
    return text.lower()


def units(content: Any) -> list[Any]:
    """Every value of "unit" and "units" in some JSON, wherever it stands."""
    if isinstance(content, list):
        return [unit for part in content for unit in units(part)]
    if not isinstance(content, dict):
        return []
    own = [content[key] for key in ("unit", "units") if key in content]
    return own + [unit for part in content.values() for unit in units(part)]


@pytest.fixture(scope="module")
def counted(in_process: InProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A unit, and a folder with a trace table and a law table in it."""
    folder = tmp_path_factory.mktemp("words")
    rows("words").write_parquet(folder / "t.parquet")
    ask(in_process, folder, "laws t.parquet --horizon 16 --out laws.parquet")
    return "words", folder


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_text_and_json_say_the_unit(
    in_process: InProcess, counted: tuple[str, Path], command: str
) -> None:
    unit, folder = counted
    shown = ask(in_process, folder, command)
    assert unit in shown
    assert "token" not in without_allowed(shown)
    # What a command computes in text and in JSON is the same; one of the slow ones is enough.
    if command.startswith("predict t."):
        return
    content = ask(in_process, folder, f"{command} --json")
    assert "token" not in without_allowed(content)
    assert all(found in (unit, [unit]) for found in units(json.loads(content)))
    assert units(json.loads(content))


def test_lines_that_name_lengths(in_process: InProcess, counted: tuple[str, Path]) -> None:
    unit, folder = counted
    fitted = ask(in_process, folder, COMMANDS["fit"])
    assert f"(returns and budgets in {unit})" in fitted
    assert f"mean first-correct {unit[:-1]} " in fitted
    assert f"H / mean {unit[:-1]} " in fitted
    bounds = ask(in_process, folder, COMMANDS["bounds"])
    assert f"H = 16 {unit}, n = 8" in bounds
    assert f"Bounds ({unit})" in bounds
    assert bounds.count(f"game: {unit} below ") == 2
    measured = ask(in_process, folder, COMMANDS["measure"])
    assert f"m (values in {unit} of correct trace)" in measured
    assert f"only grow by the {unit} left over" in " ".join(measured.split())


def test_characters_are_no_tokens_either(in_process: InProcess, tmp_path: Path) -> None:
    rows("characters").write_parquet(tmp_path / "t.parquet")
    fitted = ask(in_process, tmp_path, COMMANDS["fit"])
    assert "(returns and budgets in characters)" in fitted
    assert "token" not in without_allowed(fitted)


def test_a_budget_without_laws(in_process: InProcess, counted: tuple[str, Path]) -> None:
    unit, folder = counted
    command = COMMANDS["bounds"].replace("--horizon 16", "--horizon 9")
    done = in_process(*command.split(), cwd=folder)
    assert f"there are laws at 16 {unit}" in done.stderr


def test_the_report_of_a_diagnosis(in_process: InProcess, tmp_path: Path) -> None:
    rows("words").write_parquet(tmp_path / "t.parquet")
    command = "diagnose t.parquet --horizon 16 --n 8 --candidates 2 --out d"
    assert "at H = 16 words, n = 8" in ask(in_process, tmp_path, command)
    for name in ("report.html", "report.md", "report.json"):
        text = (tmp_path / "d" / name).read_text()
        assert "words" in text
        assert "token" not in without_allowed(text), name


def test_groups_in_different_units(in_process: InProcess, tmp_path: Path) -> None:
    both = pl.concat([rows("words", "w"), rows(None, "t")])
    write_traces(Traces(both), tmp_path / "t.parquet")
    fitted = ask(in_process, tmp_path, COMMANDS["fit"])
    for heading in ("w (returns and budgets in words)", "t (returns and budgets in tokens)"):
        assert heading in fitted
    content = json.loads(ask(in_process, tmp_path, f"{COMMANDS['fit']} --json"))
    # No one unit is that of all numbers.
    assert content["unit"] is None
    own = {group["model"]: group["unit"] for group in content["groups"]}
    assert own == {"w": "words", "t": "tokens"}
    laws = "laws t.parquet --horizon 16 --out laws.parquet"
    assert "H = 16 tokens / words, from" in ask(in_process, tmp_path, laws)
    for model, unit in own.items():
        bounds = ask(in_process, tmp_path, f"{COMMANDS['bounds']} --model {model}")
        assert f"Bounds ({unit})" in bounds


def test_a_formula_has_no_table_and_counts_tokens(in_process: InProcess, tmp_path: Path) -> None:
    command = "bounds --horizon 16 --n 8 --log2-class 4 --candidates 2 --sigma 8 --mean 8 --c0 0.5"
    assert "H = 16 tokens" in ask(in_process, tmp_path, command)
    assert json.loads(ask(in_process, tmp_path, f"{command} --json"))["unit"] == "tokens"


def test_an_imported_batch_without_token_counts(in_process: InProcess, tmp_path: Path) -> None:
    answers = FIXTURES / "batch_in_words_answers.jsonl"
    batch = FIXTURES / "batch_in_words.jsonl"
    done = in_process(
        *("import", "openai-batch", batch, "--answers", answers, "--out", "T.parquet"),
        cwd=tmp_path,
    )
    assert "lengths in words" in succeeded(done).stdout
    ask(in_process, tmp_path, "laws T.parquet --horizon 12 --out L.parquet")
    for command in (
        "fit T.parquet --horizon 12",
        "measure T.parquet --horizon 12 --n 16 --seeds 2",
        # Risks, which compile, are asked of the other table: a fraction of a codeword has none.
        "bounds --horizon 12 --n 64 --log2-class 9.5 --law L.parquet --candidates 2",
    ):
        shown = ask(in_process, tmp_path, command)
        assert "words" in shown
        assert "token" not in shown
