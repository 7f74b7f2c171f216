"""The tightest bound of a family is the one whose median ratio is nearest to 1."""

import pytest

from verigap.cli.tables.check import show_check
from verigap.sim.checks import BoundTest, Report, Verdict


def report(ratios: dict[str, tuple[str, float]]) -> Report:
    """Verdicts with these directions and median ratios, each on one cell."""
    return Report(
        tuple(Verdict(name, way, 1, 0, 0, ratio, ratio) for name, (way, ratio) in ratios.items()),
        tuple(BoundTest(name, "c", "l", 1.0, ratio, 1.0) for name, (_, ratio) in ratios.items()),
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
    assert " ".join(line.split()[-2:]) == tightest
    assert f"{len(ratios)} of {len(ratios)}" in line
