"""Verbs about settings: bounds and risks of one, simulations of many, and their check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigap.verbs._kinds import of_kind

if TYPE_CHECKING:
    from verigap.results import CalculationResult, CheckResult, SweepResult
    from verigap.sim.calculator import Law
    from verigap.sim.sweeps.repeating import Rerun
    from verigap.storage.progress import Progress

    Report = Callable[[Progress], None]


def calculate(
    law: Law,
    *,
    horizon: int,
    data_budget: int,
    log2_class_size: float,
    chi2_radius: float | None = None,
    kl_radius: float | None = None,
    expert_radius: float | None = None,
    failure_probability: float = 0.05,
    coverage: float | None = None,
    num_candidates: int = 8,
    seed: int = 0,
    replicates: int = 20_000,
    roc: Sequence[tuple[float, float]] = (),
    reward_error: float = 0.0,
    misspecification: float = 0.0,
) -> CalculationResult:
    """Every bound and every learner's risk in one setting, in tokens of correct trace.

    Args:
      law: reward law of the base policy: a `theory.RewardLaw` of shape (K,) or (prompts, K) in
        tokens, "two-level" for returns of 0 and `horizon`, the path of a law table (.parquet), a
        family as a sweep names it, or `sim.Moments` (then `coverage` is needed).
      horizon: token budget H, at least 1.
      data_budget: n, traces to learn from, at least 1.
      log2_class_size: d in bits, in (0, 200].
      chi2_radius: chi-square radius kappa of the expert class, above 0. Default: the expert's, or
        1.
      kl_radius: in its place, the radius of the expert class in KL divergence from the base, nats:
        experts are then Gibbs tilts of the base, as in KL-regularised reinforcement learning.
      expert_radius: radius kappa' of the demonstrating expert, above 0, at most that of the class,
        and in the same divergence. Default: the best expert of the class, and for VF-LOWER the one
        that is hardest to clone.
      failure_probability: delta, strictly between 0 and 1.
      coverage: c0 in (0, 1]. Default: computed from the law.
      num_candidates: N of best-of-N, at least 1.
      seed: seed of the risks that are simulated.
      replicates: simulated data sets; a tenth of them where the law has several prompts.
      roc: (false positive, false negative) rates of a verifier's score at its thresholds, strictest
        first; `selection` then says what best-of-N and rejection by the score earn.
      reward_error: root mean square error of a reward estimate under the base, in the unit of the
        law, in [0, H], for VB-UPPER-MEAN-SQUARE; 0 where there is none.
      misspecification: least chi-square of the expert from a member of the policy class, at least
        0, for VF-UPPER-MISSPECIFIED; 0 where the class holds the expert.

    Returns:
      `bounds` by name (each with `value`, `proved`, `failing_assumptions`), the learners' `risks`
      against the expert, each with its `method`, and what was asked. `plot()` draws the bounds.

    Raises:
      ValueError: a parameter is out of range; the message begins with its name.

    Example:
      >>> import verigap as vg
      >>> found = vg.calculate(
      ...     "two-level", horizon=64, data_budget=64, log2_class_size=12.0, replicates=200
      ... )
      >>> found.bounds["VF-LOWER"].proved
      True
      >>> round(found.bounds["VF-LOWER"].value, 1)
      4.8
    """
    from verigap import sim
    from verigap.results import CalculationResult
    from verigap.results.shown import shown
    from verigap.sim.calculator import Question

    question = Question(
        horizon=horizon, data_budget=data_budget, log2_class_size=log2_class_size,
        chi2_radius=chi2_radius, kl_radius=kl_radius, expert_radius=expert_radius,
        failure_probability=failure_probability, coverage=coverage,
        num_candidates=num_candidates, seed=seed, replicates=replicates,
        roc=tuple(roc), reward_error=reward_error, misspecification=misspecification,
    )  # fmt: skip
    return shown(CalculationResult, sim.calculate(law, question))


def sweep(
    config: Mapping[str, Any] | str | Path,
    out: str | Path | None = None,
    *,
    command: Sequence[str] = (),
    report: Report = lambda progress: None,
    engine: str = "local",
    address: str | None = None,
) -> SweepResult:
    """Simulate learners over a grid of settings.

    Args:
      config: the configuration, as a mapping with the keys of docs/configs.md or as the path of a
        YAML file. Paths in a mapping are relative to the working directory.
      out: run folder, made or continued: finished cells are read, failed ones tried again. Without
        it nothing is kept on disk.
      command: what the user typed, for the provenance in the run folder.
      report: called after every batch of cells.
      engine: what computes the cells: "local", this process, or "ray", tasks of Ray on one CPU each
        (docs/scaling-out.md). The numbers are the same.
      address: of a Ray cluster, HOST:PORT, or "auto" for the one that this machine belongs to.
        Default: Ray is started on this machine and ends with the sweep.

    Returns:
      `frame`, a polars table with one row a cell and learner; `failures`, the cells that could not
      be computed; `plot()` draws the risks.

    Raises:
      ValueError: the configuration or the folder cannot be used; one line says what to change.

    Example:
      >>> import verigap as vg
      >>> run = vg.sweep({
      ...     "replicates": 50,
      ...     "learners": ["vf-mle", "vb-plug-in"],
      ...     "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
      ... })
      >>> run.frame["learner"].to_list()
      ['vb-plug-in', 'vf-mle']
    """
    from verigap.engines.choice import chosen_engine
    from verigap.results import SweepResult
    from verigap.sim.sweeps.cells import load_sweep, sweep_from
    from verigap.sim.sweeps.run import run_in_memory, run_sweep
    from verigap.sim.sweeps.stored import CellRows, stored_cells
    from verigap.storage.run_store import RunStore

    of_kind(config, "config", "a mapping or the path of a YAML file", Mapping, str, Path)
    chosen = chosen_engine(engine, address)
    loaded = sweep_from(config) if isinstance(config, Mapping) else load_sweep(config)
    resumed, warnings = 0, ()
    if out is None:
        kept = run_in_memory(loaded, report=report, engine=chosen)
        rows, failures = tuple(kept.rows()), kept.failures
    else:
        outcome = run_sweep(loaded, out, command=command, report=report, engine=chosen)
        resumed, warnings = outcome.resumed, outcome.warnings
        store = RunStore.read_only(out)
        rows, failures = CellRows(stored_cells(store)), store.failures().to_dicts()
    return SweepResult(
        rows=rows,
        cells=len(loaded.cells),
        resumed=resumed,
        failures=tuple(failures),
        bounds=loaded.config.bounds,
        out=None if out is None else Path(out),
        warnings=tuple(warnings),
    )


def check(run: SweepResult | str | Path, *, partial: bool = False) -> CheckResult:
    """Test every applicable bound in every cell of a sweep, with one family-wise error of 0.001.

    Args:
      run: result of `sweep`, or the path of a run folder, whose files have to be those of the run.
      partial: whether a part of the run's cells is enough for `ok`.

    Returns:
      `ok` (no bound is violated, and no cell is missing), `completeness` (cells of how many),
      `bounds` (verdicts and tests), `exponents` (fitted powers of the
      horizon), `trained` (measured values, where networks were trained). `plot()` draws how tight
      the bounds are.

    Raises:
      ValueError: there is no finished cell, the folder is no run, or it holds files that are
        damaged, missing or of another run.

    Example:
      >>> import verigap as vg
      >>> run = vg.sweep({
      ...     "replicates": 50,
      ...     "learners": ["vf-mle", "vb-plug-in"],
      ...     "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
      ... })
      >>> vg.check(run).ok
      True
    """
    from verigap.results import CheckResult, SweepResult
    from verigap.results.shown import shown
    from verigap.sim.checks.run_check import check_rows
    from verigap.sim.sweeps.stored import stored_cells, stored_completeness, stored_config
    from verigap.storage.completeness import Completeness
    from verigap.storage.run_store import RunStore

    if isinstance(run, SweepResult):
        rows, names, where, warnings = run.rows, run.bounds, run.out or "sweep", run.warnings
        completeness = Completeness(stored=len(rows), expected=run.cells, failed=len(run.failures))
    else:
        of_kind(run, "run", "the result of a sweep or the path of a run folder", str, Path)
        store = RunStore.read_only(run)
        names = stored_config(store).bounds
        cells = stored_cells(store)
        completeness = stored_completeness(store, cells)
        rows, where, warnings = cells.to_dicts(), run, store.warnings
    if not rows:
        failed = f"; {completeness.failed:,} failed" if completeness.failed else ""
        why = ", failures.parquet there says why" if completeness.failed else ""
        raise ValueError(f"{where}: no finished cell{failed}{why}; sweep again")
    found = check_rows(rows, names, warnings, completeness=completeness, partial=partial)
    return shown(CheckResult, found)


def rerun(
    run: str | Path,
    cells: Sequence[str] | None = None,
    *,
    tolerance: float = 1e-9,
    tables: str | Path = ".",
    report: Report = lambda progress: None,
) -> Rerun:
    """Compute cells of a run folder again and compare; nothing is written.

    They are computed in the precision of JAX; the command line computes in float64.

    Args:
      run: the folder of a sweep.
      cells: names of stored cells, or beginnings that only one has. Default: all.
      tolerance: the largest relative difference that counts as the same, at least 0.
      tables: what the paths of law tables in the configuration are relative to.
      report: called before and after every step.

    Returns:
      `ok` (no cell differs by more than the tolerance), `comparisons` (one a cell: the largest
      relative difference, and where it is).

    Raises:
      ValueError: the folder is no run or not as its run left it, a cell is not stored, a law table
        is missing, or the tolerance is out of range.

    Example:
      >>> import tempfile
      >>> import verigap as vg
      >>> config = {
      ...     "replicates": 50,
      ...     "learners": ["vf-mle"],
      ...     "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
      ... }
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     _ = vg.sweep(config, f"{folder}/run")
      ...     vg.rerun(f"{folder}/run").ok
      True
    """
    from verigap.sim.sweeps.repeating import rerun as rerun_cells

    of_kind(run, "run", "the path of a run folder", str, Path)
    return rerun_cells(run, cells, tolerance=tolerance, tables=tables, report=report)
