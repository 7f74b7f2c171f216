"""What names, files and errors hold is shown in a terminal and never obeyed by it."""

import json
import re
from pathlib import Path

import pytest
import typer

from tests.cli.command import InProcess
from tests.cli.test_bad_input import sweep_of
from verigap.cli.main import app
from verigap.cli.output import make_console, one_line, visible

# Red, a bell, backspaces, the title of the window, a C1 control, text turned around, another line.
EVIL = "\x1b[31m\x07\b\b\x1b]0;title\x07\x9b2J\u202eabc\r\nverigap: all is well [/b]"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]")


def hostile_table(path: Path) -> Path:
    """Traces whose every name is hostile."""
    rows = [
        {
            "dataset": f"d{EVIL}", "model": f"m{EVIL}", "prompt_id": f"{EVIL}{i // 8}",
            "correct": i % 3 == 0, "n_tokens": 5, "answer": f"{i % 3 == 0}{EVIL}",
            f"x{EVIL}": EVIL,
        }
        for i in range(96)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


# Every command, with an end that is well and one that is not, where there is one in short time.
CASES = {
    "attack": ["attack EVIL", "attack VB-LOWER --instance EVIL"],
    "bounds": ["bounds --law EVIL --horizon 8 --n 8 --log2-class 4", "bounds EVIL"],
    "check": ["check EVIL", "check run"],
    "demo": ["demo --out t.jsonl EVIL"],
    "diagnose": ["diagnose EVIL", "diagnose t.jsonl --verifier EVIL"],
    "examples": ["examples --copy t.jsonl/EVIL", "examples EVIL"],
    "figures": ["figures EVIL"],
    "finetune": ["finetune EVIL"],
    "fit": ["fit t.jsonl --horizon 8", "fit EVIL"],
    "import": [
        "import t.jsonl --out EVIL.parquet",
        "import t.jsonl --map correct=EVIL --out o.parquet",
        "import bad.jsonl --out o.parquet",
        "import bad.jsonl --on-error skip --out o.parquet",
    ],
    "laws": ["laws t.jsonl --out EVIL.parquet --horizon 8", "laws t.jsonl --out EVIL"],
    "measure": ["measure t.jsonl --horizon 8 --n 8 --seeds 2", "measure --finetuned EVIL"],
    "predict": ["predict t.jsonl --horizon 8 --n 8", "predict EVIL"],
    "rerun": ["rerun EVIL", "rerun run --cells EVIL"],
    "sample": ["sample --model EVIL --task EVIL"],
    "sweep": ["sweep EVIL", "sweep config.yaml", "sweep config.yaml --engine EVIL"],
}


def test_every_command_is_tried() -> None:
    assert set(getattr(typer.main.get_command(app), "commands", {})) == set(CASES)


@pytest.mark.parametrize("line", [line for lines in CASES.values() for line in lines])
def test_no_command_lets_a_terminal_obey(in_process: InProcess, tmp_path: Path, line: str) -> None:
    hostile_table(tmp_path / "t.jsonl")
    (tmp_path / "bad.jsonl").write_text(
        json.dumps({"prompt_id": "a", "correct": True, "text": EVIL})
        + "\n" + json.dumps({"prompt_id": "a", "correct": True, "n_tokens": EVIL})
    )  # fmt: skip
    (tmp_path / "config.yaml").write_text(sweep_of() + json.dumps({f"x{EVIL}": 1})[1:-1] + "\n")
    run = tmp_path / "run"
    (run / "cells").mkdir(parents=True)
    (run / "config.yaml").write_text("schema: 2\n")
    (run / "provenance.json").write_text("{}")
    (run / "cells" / f"{EVIL.replace('/', '')}.parquet").write_bytes(b"PAR1")
    arguments = [word.replace("EVIL", EVIL) for word in line.split()]
    done = in_process(*arguments, cwd=tmp_path)
    assert done.stdout + done.stderr
    assert not OBEYED.search(done.stdout), ascii(done.stdout)
    assert not OBEYED.search(done.stderr), ascii(done.stderr)
    assert "Traceback" not in done.stderr


def test_tables_in_a_terminal_keep_their_colours_and_lose_those_of_names() -> None:
    console = make_console(force_terminal=True, width=80, color_system="standard")
    with console.capture() as capture:
        console.print("[bold]ours[/]", "\x1b[31mtheirs", highlight=False)
    shown = capture.get()
    assert "\x1b[1mours" in shown
    assert "?[31mtheirs" in shown


def test_texts_are_kept_but_for_what_is_obeyed() -> None:
    assert visible("naïve Ω\t一\n\U0001f600") == "naïve Ω\t一\n\U0001f600"
    assert not OBEYED.search(visible(EVIL))
    assert "\n" not in one_line(EVIL)
