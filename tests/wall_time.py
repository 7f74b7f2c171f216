"""The time that every file of tests took, printed at the end of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

LONG_SECONDS = 20.0
"""From here on a file says why it takes so long."""

REASONS: dict[str, str] = {
    "tests/cli/test_bit_flips.py": "every flip is checked by the command",
    "tests/cli/test_bounds.py": "compiles the simulations of several laws",
    "tests/cli/test_check.py": "sweeps the controls until each is caught",
    "tests/cli/test_devices.py": "sweeps on one device and on eight, in processes of their own",
    "tests/cli/test_diagnose.py": "whole diagnoses by the command",
    "tests/cli/test_faults.py": "every fault is followed by the whole command",
    "tests/cli/test_help.py": "starts every command",
    "tests/cli/test_interrupt_campaign.py": "every interrupt is followed by the whole command",
    "tests/cli/test_planted.py": "trains networks",
    "tests/cli/test_planted_methods.py": "trains networks",
    "tests/cli/test_predict.py": "whole predictions by the command",
    "tests/cli/test_resume.py": "starts the command for every way to stop and go on",
    "tests/cli/test_terminal.py": "runs every command on hostile names",
    "tests/cli/test_tight.py": "sweeps and checks an instance of every bound",
    "tests/cli/test_units.py": "every command that prints lengths, on two kinds of table",
    "tests/docs/test_consoles.py": "runs what pages show",
    "tests/docs/test_generated.py": "makes every generated part of the pages",
    "tests/engines/test_compiled_programs.py": "compiles with an empty cache, several times",
    "tests/figures/test_frontier.py": "solves the frontier of every panel",
    "tests/figures/test_images.py": "draws every figure of the gallery",
    "tests/fuzz/test_fuzz.py": "a minute of fuzzing",
    "tests/llm_validation/deciding/test_rare_prompts.py": "decides on hundreds of tables",
    "tests/llm_validation/deciding/test_verdict_errors.py": "decides on hundreds of tables",
    "tests/llm_validation/fitting/test_extrapolation.py": "fits mixtures to many tables",
    "tests/llm_validation/fitting/test_fit.py": "intervals of hundreds of tables",
    "tests/llm_validation/measuring/test_measure.py": "intervals of many tables",
    "tests/llm_validation/pools/test_drawn_prompts.py": "diagnoses more prompts than are drawn",
    "tests/llm_validation/predicting/test_relabelling.py": "compiles a game for each shape of law",
    "tests/llm_validation/reporting/test_content.py": "whole diagnoses",
    "tests/llm_validation/reporting/test_diagnose.py": "whole diagnoses, and the commands beside",
    "tests/llm_validation/reporting/test_every_branch.py": "two dozen diagnoses, six pages of each",
    "tests/llm_validation/reporting/test_page.py": "whole diagnoses with their figures",
    "tests/llm_validation/test_import_tools.py": "imports what the package of every tool wrote",
    "tests/llm_validation/test_import_variations.py": "imports every log in many other forms",
    "tests/llm_validation/test_sampling.py": "starts processes that grade",
    "tests/mutants/test_mutants.py": "starts a test process for every mutant",
    "tests/sim/attacks/test_spaces.py": "sums fractions of long denominators",
    "tests/sim/attacks/test_search.py": "climbs until each control falls",
    "tests/sim/checks/test_check.py": "simulates until each control is caught",
    "tests/sim/relabelling/test_gibbs_game.py": "enumerates codewords, and sweeps",
    "tests/sim/relabelling/test_learners_agree.py": "enumerates codewords for every learner",
    "tests/sim/relabelling/test_numbers.py": "enumerates codewords, compiles a shape for each",
    "tests/sim/relabelling/test_sampling.py": "enumerates codewords",
    "tests/sim/test_calculator.py": "compiles the simulation of each shape of law",
    "tests/test_examples_in_docstrings.py": "runs the example of every docstring",
    "tests/test_extending.py": "starts the tests of a copy with each new part",
    "tests/test_front_door.py": "every verb, drawn and tabled",
    "tests/test_packaging.py": "builds and installs the wheel, and runs the README from it",
    "tests/theory/test_arrays.py": "compiles every bound that NumPy evaluates",
    "tests/theory/test_bounds_registry.py": "compiles every bound in both precisions",
    "tests/theory/frontier/test_game_frontier.py": "plays the game at every place of its grids",
    "tests/theory/test_gibbs.py": "solves many laws by second methods, in both precisions",
    "tests/theory/test_matching_ends.py": "sums rational numbers over all types",
    "tests/theory/test_numbers.py": "computes the numbers of the pages by second methods",
    "tests/theory/test_separation.py": "solves the game for every form",
    "tests/theory/test_vf_lower.py": "looks for the hardest expert on grids",
    "tests/theory/test_precision.py": "compiles every bound in both precisions",
}
"""Why a file takes long, by its path."""


def by_file(reports: Iterable[Any]) -> dict[str, float]:
    """Seconds of every file, setting up and tearing down included, the longest first."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        if hasattr(report, "duration") and hasattr(report, "nodeid"):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    return dict(sorted(seconds.items(), key=lambda each: -each[1]))


def lines(seconds: dict[str, float], shown: int = 20) -> list[str]:
    """A line for each of the longest files, with its reason where it is a long one."""
    return [
        f"{taken:7.1f} s  {name}"
        + (f"  ({REASONS.get(name, 'no reason given')})" if taken >= LONG_SECONDS else "")
        for name, taken in list(seconds.items())[:shown]
    ]
