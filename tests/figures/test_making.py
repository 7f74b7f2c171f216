"""What figures are drawn from is made once, kept, and made again when it went stale."""

from pathlib import Path

import pytest

from verigap.figures import FIGURES, draw_figure, known_names, read_run
from verigap.figures.needs import Content, Run
from verigap.storage.progress import Progress

CONFIG = """
seed: 0
replicates: 2
sweeps:
  - {name: only, horizon: 4, data_budget: 4, log2_class_size: 3, law: {family: two-level}}
"""


def test_every_figure_says_what_it_shows_and_needs() -> None:
    for name, module in FIGURES.items():
        assert module.SHOWS.endswith("."), name
        assert module.NEEDS, name
        for need in module.NEEDS.values():
            paths = (
                [path for path in (need.config, need.full, need.committed) if path]
                if isinstance(need, Run)
                else need.tables
            )
            for path in paths:
                assert (Path(__file__).parents[2] / path).exists(), path


@pytest.mark.long
def test_a_run_is_made_and_then_read(tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG)
    seen: list[tuple[str, int]] = []

    def note(doing: str, at: Progress | None) -> None:
        assert at is not None
        seen.append((doing, at.done))

    need = Run(str(config))
    (row,) = need.obtain(tmp_path / "runs", False, note)
    assert row["block"] == "only"
    # Whatever steps it takes, its cell is done at the end, and only then.
    assert {doing for doing, _ in seen} == {"sweep small"}
    assert [done for _, done in seen] == [0] * (len(seen) - 1) + [1]
    before = len(seen)
    (again,) = need.obtain(tmp_path / "runs", False, note)
    assert again["cell"] == row["cell"]
    assert seen[before:] == [("sweep small", 1)]


def test_content_is_kept_until_a_table_changes(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("1")
    calls = []

    def compute(paths, full):
        calls.append(full)
        return {"text": paths[0].read_text(), "none": float("nan")}

    need = Content("c", compute, (str(table),))

    def obtain(full=False):
        return need.obtain(tmp_path / "runs", full, lambda doing, at: None)

    assert obtain() == obtain() == {"text": "1", "none": None}
    assert calls == [False]
    assert obtain(full=True)["text"] == "1"
    table.write_text("2")
    assert obtain()["text"] == "2"
    assert calls == [False, True, False]
    (tmp_path / "runs" / "figure-c.json").write_text("{")
    assert obtain()["text"] == "2"


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown figure 'no'"):
        known_names(["no"])
    with pytest.raises(ValueError, match="run"):
        read_run("scaling", tmp_path / "absent")
    for need in (
        Content("c", lambda paths, full: {}, ("absent.csv",)),
        Run("absent.yaml"),
        Run("absent.yaml", committed="absent"),
    ):
        with pytest.raises(ValueError, match="no such file; run from the root"):
            need.obtain(tmp_path, False, lambda doing, at: None)
    with pytest.raises(ValueError, match="first"):
        draw_figure("scaling", {"run": []}, tmp_path / "out")
    assert not (tmp_path / "out").exists()
