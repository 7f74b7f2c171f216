"""The tightest bound of a family is the one whose median ratio is nearest to 1; what it caught."""

import pytest

from verigap.cli.tables.check import show_check
from verigap.sim.checks import BoundTest, Report, Verdict


def report(ratios: dict[str, tuple[str, float]], caught: float | None = None) -> Report:
    """Verdicts with these directions and median ratios, each on one cell."""
    return Report(
        tuple(
            Verdict(name, way, 1, 0, 0, ratio, ratio, caught)
            for name, (way, ratio) in ratios.items()
        ),
        tuple(
            BoundTest(name, "c", "l", 1.0, ratio, 1.0, violated=False, limit=1.0)
            for name, (_, ratio) in ratios.items()
        ),
    )


@pytest.mark.parametrize(
    ("ratios", "tightest"),
    [
        ({"A": ("upper", 0.1), "A-B": ("upper", 0.7), "A-C": ("upper", -3.0)}, "A-B 0.7"),
        ({"A": ("upper", -0.5), "A-B": ("upper", -0.2)}, "A-B -0.2"),
        ({"A": ("lower", 1.1), "A-B": ("lower", 2.0)}, "itself 1.1"),
        # One that bounds a probability from above stands among bounds from below.
        ({"A": ("lower", 1.5), "A-B": ("upper", 0.1)}, "itself 1.5"),
        ({"A": ("lower", float("nan"))}, "- -"),
    ],
)
def test_tightest(
    ratios: dict[str, tuple[str, float]], tightest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_check(report(ratios), (), [{}], everything=False)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("A "))
    assert " ".join(line.split()[-3:]) == f"{tightest} none"
    assert f"{len(ratios)} of {len(ratios)}" in line


@pytest.mark.parametrize("everything", [True, False])
def test_what_would_have_been_caught(everything: bool, capsys: pytest.CaptureFixture[str]) -> None:
    for factor, shown in ((1.0625, "1.062"), (None, "none")):
        show_check(report({"A": ("lower", 1.1)}, factor), (), [{}], everything=everything)
        out = capsys.readouterr().out
        (line,) = (line for line in out.splitlines() if line.startswith("A "))
        assert line.split()[-1] == shown
        assert "none: no factor" in " ".join(out.split())
