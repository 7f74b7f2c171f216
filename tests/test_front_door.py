"""`import verigap as vg`: what is there, how light it is, and that its examples are true."""

import doctest
import json
import pydoc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import verigap as vg
from verigap import verbs
from verigap.notebook import Table, html_tables

ROOMS = ("figures", "llm_validation", "sim", "theory")
VERBS = (
    "attack",
    "calculate",
    "check",
    "diagnose",
    "fit",
    "measure",
    "predict",
    "read_traces",
    "rerun",
    "sweep",
)
CONFIG: dict[str, Any] = {
    "replicates": 50,
    "learners": ["vf-mle", "vb-plug-in"],
    "sweeps": [
        {"name": "demo", "grid": {"horizon": [16, 32]}, "data_budget": 16, "log2_class_size": 8}
    ],
}

ROWS = Path(__file__).resolve().parents[1] / "examples" / "smollm2_products.parquet"
NUMBER: Any = 8
TEXT: Any = "64"
NOTHING: Any = None
PROBE = """
import json, sys
before = set(sys.modules)
import verigap as vg
light = sorted(set(sys.modules) - before)
names = dir(vg)
assert [name for name in sys.modules if name.startswith("verigap.")] == ["verigap._lazy"]
print(json.dumps([light, names]))
"""


@pytest.mark.smoke
def test_the_import_is_light_and_names_everything() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    loaded, names = json.loads(done.stdout)
    heavy = ("importlib.metadata", "jax", "matplotlib", "numpy", "polars", "scipy", "typer")
    assert not set(heavy) & set(loaded)
    assert {name for name in names if not name.startswith("__")} == {*ROOMS, *VERBS}
    assert {"__version__", "__doc__", "__all__"} <= set(names)


def test_names_load_when_used() -> None:
    assert set(vg.__all__) == {*ROOMS, *VERBS, "__version__"}
    for name in vg.__all__:
        assert getattr(vg, name) is not None
    assert vg.__version__
    with pytest.raises(AttributeError, match="has no attribute 'verify'"):
        vg.__getattr__("verify")


def test_help_lists_rooms_and_verbs() -> None:
    shown = pydoc.plain(pydoc.render_doc(vg))
    summary, _, functions = shown.partition("FUNCTIONS")
    for name in (*ROOMS, *VERBS):
        assert f"\n      {name} " in summary
    for name in VERBS:
        assert f"\n    {name}(" in functions


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_an_example(name: str) -> None:
    verb: Callable[..., Any] = getattr(verbs, name)
    # That it is true: tests/test_examples_in_docstrings.py.
    (found,) = doctest.DocTestFinder(recurse=False).find(verb, name)
    assert found.examples


def test_a_sweep_without_a_folder_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = vg.sweep(CONFIG)
    assert list(tmp_path.iterdir()) == []
    assert run.out is None
    assert run.failures == ()
    assert run.frame.height == 4
    assert run.frame.select("horizon", "learner").rows() == [
        (16, "vb-plug-in"), (16, "vf-mle"), (32, "vb-plug-in"), (32, "vf-mle"),
    ]  # fmt: skip
    stored = vg.sweep(CONFIG, "run")
    assert stored.out == Path("run")
    assert stored.frame.sort("cell", "learner").equals(run.frame.sort("cell", "learner"))
    assert vg.sweep(CONFIG, "run").resumed == 2
    in_memory, read = vg.check(run), vg.check("run")
    assert in_memory.ok
    assert read.bounds is not None
    assert in_memory.bounds is not None
    # As text, as a ratio without a meaning is NaN.
    assert repr(read.bounds.verdicts) == repr(in_memory.bounds.verdicts)
    for result in (run, in_memory):
        assert result.plot().axes
        assert result._repr_html_().startswith("<table>")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"replicate": 3}, "config: replicate: unknown key"),
        ({"learners": ["vf-gpt"]}, "config: unknown learner 'vf-gpt'"),
        (
            {"sweeps": [{"name": "a", "horizon": 0, "data_budget": 1, "log2_class_size": 1}]},
            "horizon: ",
        ),
    ],
)
def test_a_bad_mapping_is_refused_as_a_file_is(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as refusal:
        vg.sweep(CONFIG | change)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: vg.fit(ROWS, horizons=NUMBER), "horizons: 8 is no list"),
        (lambda: vg.fit(ROWS, horizons=TEXT), "horizons: '64' is no list"),
        (lambda: vg.fit(ROWS, [8], pass_at=NUMBER), "pass_at: 8 is no list"),
        (lambda: vg.fit(NUMBER, [8]), "traces: expected traces, a polars table, a path or"),
        (lambda: vg.predict(ROWS, NUMBER), "horizons: 8 is no list"),
        (lambda: vg.predict(ROWS, [8], NUMBER, log2_class_size=4), "data_budgets: 8 is no list"),
        (lambda: vg.measure(ROWS, NUMBER), "horizons: 8 is no list"),
        (lambda: vg.measure(NUMBER), "traces: expected traces"),
        (lambda: vg.diagnose(ROWS, data_budgets=NUMBER), "data_budgets: 8 is no list"),
        (lambda: vg.read_traces(NUMBER), "traces: expected traces, a polars table, a path or"),
        (
            lambda: vg.sweep(NUMBER),
            "config: expected a mapping or the path of a YAML file",
        ),
        (
            lambda: vg.check(NUMBER),
            "run: expected the result of a sweep or the path of",
        ),
        (lambda: vg.check(NOTHING), "run: expected .*, not NoneType"),
        (lambda: vg.sweep({}), "config: sweeps: is missing"),
        (lambda: vg.sweep({"sweeps": []}), "config: sweeps: the list is empty; give at least one"),
        (
            lambda: vg.sweep({"sweeps": [{"name": "a", "grid": {"horizon": []}}]}),
            "config: sweeps.0.grid.horizon: the list is empty",
        ),
    ],
)
def test_what_is_of_a_wrong_kind_is_named_in_one_line(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}") as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_nothing_to_check() -> None:
    from verigap.results import SweepResult

    empty = SweepResult(
        rows=(), cells=1, resumed=0, failures=(), bounds=None, out=None, warnings=()
    )
    with pytest.raises(ValueError, match="sweep: no finished cell"):
        vg.check(empty)


def test_names_from_files_are_escaped_in_a_notebook() -> None:
    from verigap.results import Measurements, Predictions

    name = "<script>alert(1)</script>"
    group: Any = SimpleNamespace(dataset="", model=name, cells=())
    for shown in (
        Predictions([group])._repr_html_(),
        html_tables([Table(name, (name,), [(name,)])]),
    ):
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown
    assert Measurements()._repr_html_() == ""
    # What is not seen may reorder what is.
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in html_tables([Table("a\u202eb", (), [])])


@pytest.mark.long
def test_results_of_traces_draw_themselves() -> None:
    import polars as pl

    rows = [
        {"prompt_id": str(p), "correct": s % 3 < p % 3, "n_tokens": 10 + s + p, "model": "a$b_c"}
        for p in range(6)
        for s in range(8)
    ]
    traces = pl.DataFrame(rows)
    fitted = vg.fit(traces, [16, 32])
    measured = vg.measure(traces, [32], [8, 16], seeds=2, num_candidates=4)
    predicted = vg.predict(traces, [32], [8, 16], log2_class_size=6.0, num_candidates=4)
    for result in (fitted, measured, predicted):
        figure = result.plot()
        assert figure.axes
        # Drawn in full: no name of the table is read as mathematics.
        figure.canvas.draw() if hasattr(figure.canvas, "draw") else None
        assert "a$b_c" in result._repr_html_()


def test_a_calculation_draws_itself() -> None:
    found = vg.calculate(
        "two-level", horizon=64, data_budget=64, log2_class_size=12.0, replicates=200
    )
    labels = [tick.get_text() for tick in found.plot().axes[0].get_yticklabels()]
    assert "VF-LOWER" in labels
    assert "VF-LOWER-PROBABILITY" not in labels
    shown = found._repr_html_()
    assert shown.count("<table>") == 3
    for words in ("VF-LOWER", "VF-Bayes", "closed form", "simulation", "hardest expert"):
        assert words in shown
