"""Verbs about samples of language models: read, fit, predict, measure, diagnose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from verigap.verbs._kinds import of_kind

if TYPE_CHECKING:
    import polars as pl

    from verigap.llm_validation.deciding.decisions import Verifier
    from verigap.llm_validation.deciding.outcomes import Currency
    from verigap.llm_validation.deciding.prices import Prices
    from verigap.llm_validation.fitting.population import Grids
    from verigap.llm_validation.traces import Traces
    from verigap.results import DiagnosisResult, FitResult, Measurements, Predictions
    from verigap.storage.progress import Progress

    TraceSource = Traces | pl.DataFrame | str | Path | Sequence[str | Path]
    Report = Callable[[Progress], None]


def read_traces(source: TraceSource) -> Traces:
    """Samples of language models, from a table or from the logs of the tool that drew them.

    They are read by the same rules as `verigap import` does without options; what is doubtful
    about them is a Python warning.

    Args:
      source: a polars table, the path of one (Parquet, CSV, TSV, JSON, JSON Lines) or of a log, or
        the paths of several logs. The format is recognised by the content. Of a table only the
        columns `prompt_id` and `correct` are required; `llm_validation.traces.Traces` lists the
        others.

    Returns:
      The traces; `frame` is a polars table.

    Raises:
      ValueError: a file is missing, damaged or of no format known here, or a row contradicts
        itself; one line names it.

    Example:
      >>> import verigap as vg
      >>> traces = vg.read_traces("examples/smollm2_products.parquet")
      >>> traces.num_prompts, traces.num_samples
      (32, 1024)
    """
    import polars as pl

    from verigap.llm_validation import importers
    from verigap.llm_validation.traces import Traces

    if isinstance(source, Traces):
        return source
    wanted = "traces, a polars table, a path or a list of paths"
    kinds = (str, Path, pl.DataFrame, list, tuple)
    given = of_kind(source, "traces", wanted, *kinds)
    for path in given if isinstance(given, list | tuple) else ():
        of_kind(path, "traces", "a list of paths", str, Path)
    return importers.read_traces(given)


def fit(
    traces: TraceSource,
    horizons: Iterable[int] | None = None,
    *,
    seed: int = 0,
    grids: Grids | None = None,
    pass_at: Iterable[int] = (),
    samples: int | None = None,
) -> FitResult:
    """Heterogeneity, coverage and pass@k of sampled traces, with 95 % intervals over prompts.

    Args:
      traces: the samples, as `read_traces` takes them. Every (dataset, model) is fitted on its own.
      horizons: distinct token budgets H. Default: by the lengths of each group, as in `diagnose`.
      seed: seed of the bootstrap, at least 0.
      grids: where coverage is evaluated: margins, chi-square radii, and the least coverage c0.
      pass_at: further k of pass@k.
      samples: use only the first so many samples of each prompt.

    Returns:
      `groups`, one a (dataset, model), each with `horizon_fits`. `plot()` draws them.

    Raises:
      ValueError: an argument is out of range, or no sample was verified.

    Example:
      >>> import verigap as vg
      >>> found = vg.fit("examples/smollm2_products.parquet", horizons=[64])
      >>> round(found.groups[0].mean_correct.estimate, 3)
      0.093
    """
    from verigap.llm_validation.fitting import fit as fitting
    from verigap.results import FitResult
    from verigap.results.shown import shown

    found = fitting.fit(
        read_traces(traces), horizons, seed=seed, grids=grids, pass_at=pass_at, samples=samples
    )
    return shown(FitResult, found)


def predict(
    source: TraceSource,
    horizons: Iterable[int] | None = None,
    data_budgets: Iterable[int] | None = None,
    *,
    chi2_radius: float | None = None,
    kl_radius: float | None = None,
    log2_class_size: float | None = None,
    num_candidates: int = 8,
    false_positive: float = 0.0,
    false_negative: float = 0.0,
    estimate_errors: bool = False,
    seed: int = 0,
    most_prompts: int = 2_000,
    report: Report | None = None,
) -> Predictions:
    """What cloning and verifying will earn over n and H, before anything is trained.

    Args:
      source: the samples, as `read_traces` takes them, or the path of a law table (Parquet) or of
        the JSON of a fit with its prompts.
      horizons: distinct token budgets H. Default: from the lengths of the traces.
      data_budgets: distinct n, traces to learn from. Default: 16 to 1024.
      chi2_radius: chi-square leash kappa of the expert and of both policies, above 0. Default: 1.
      kl_radius: in its place, a leash in KL divergence from the base, nats.
      log2_class_size: d in bits of the relabelling game that then predicts, on a chi-square leash;
        None predicts from the features of the traces, which needs traces.
      num_candidates: N of best-of-N.
      false_positive: share of wrong traces that the check of the game accepts, in [0, 1].
      false_negative: share of right traces that it rejects, in [0, 1].
      estimate_errors: estimate both shares for a learned verifier instead; needs traces.
      seed: seed of all randomness.
      most_prompts: prompts of a group that are looked at, drawn at random where there are more.
      report: called before each group.

    Returns:
      One `GroupPrediction` a (dataset, model). `plot()` draws the predicted gap.

    Raises:
      ValueError: an argument is out of range, or needs the traces.

    Example:
      >>> import verigap as vg
      >>> (group,) = vg.predict(
      ...     "examples/smollm2_products.parquet", [64], [64], log2_class_size=4.0
      ... )
      >>> group.cell(64, 64).gap.estimate > 0
      True
    """
    from verigap.llm_validation.arguments import listed
    from verigap.llm_validation.importers import holds_samples
    from verigap.llm_validation.pools.leashes import chosen_leash
    from verigap.llm_validation.predicting.group_laws import read_laws
    from verigap.llm_validation.predicting.predict import Options, predict_laws
    from verigap.llm_validation.predicting.predict import predict as predict_traces
    from verigap.results import Predictions

    options = Options(
        leash=chosen_leash(chi2_radius, kl_radius),
        num_candidates=num_candidates, log2_class_size=log2_class_size,
        false_positive=false_positive, false_negative=false_negative,
        estimate_errors=estimate_errors, seed=seed,
    )  # fmt: skip
    budgets = None if horizons is None else tuple(listed(horizons, "horizons"))
    laws = None
    if isinstance(source, str | Path) and not holds_samples(Path(source)):
        laws = read_laws(Path(source), budgets)
    if laws is not None:
        return Predictions(predict_laws(laws, data_budgets, options))
    found = predict_traces(
        read_traces(source), budgets, data_budgets, options,
        most_prompts=most_prompts, report=report,
    )  # fmt: skip
    return Predictions(found)


def measure(
    source: TraceSource,
    horizons: Iterable[int] | None = None,
    data_budgets: Iterable[int] | None = None,
    *,
    num_candidates: int | None = None,
    chi2_radius: float | None = None,
    kl_radius: float | None = None,
    seeds: int = 16,
    seed: int = 0,
    most_prompts: int = 2_000,
    report: Report | None = None,
) -> Measurements:
    """What cloning and verifying earn on held-out prompts of sampled traces.

    Args:
      source: the samples, as `read_traces` takes them. A run folder of trained networks is read as
        it is, and the other arguments say nothing about it.
      horizons: distinct token budgets H. Default: from the lengths of the traces.
      data_budgets: distinct n, traces to learn from. Default: 16 to 1024.
      num_candidates: N of best-of-N and of the vote. Default: 8.
      chi2_radius: chi-square leash kappa of the expert and of both leashed policies, above 0.
        Default: 1.
      kl_radius: in its place, a leash in KL divergence from the base, nats.
      seeds: repetitions, each with its own split of the prompts and training data; at least 2.
      seed: seed of all randomness.
      most_prompts: prompts of a group that are measured, drawn at random where there are more.
      report: called before each budget of each group.

    Returns:
      One measurement a (dataset, model). `plot()` draws the measured gap.

    Raises:
      ValueError: an argument is out of range, or no sample was verified.

    Example:
      >>> import verigap as vg
      >>> (group,) = vg.measure("examples/smollm2_products.parquet", [64], [16], seeds=4)
      >>> round(float(group.gap(leashed=False)[64, 16].estimate)) in range(0, 10)
      True
    """
    from verigap.llm_validation.measuring.measure import measure as measure_traces
    from verigap.llm_validation.measuring.trained_runs import measured_run
    from verigap.results import Measurements

    if isinstance(source, str | Path) and Path(source).is_dir():
        groups, warnings = measured_run(source)
        return Measurements.of(groups, seed, warnings)
    found = measure_traces(
        read_traces(source),
        horizons,
        data_budgets=data_budgets,
        num_candidates=num_candidates,
        chi2_radius=chi2_radius,
        kl_radius=kl_radius,
        seeds=seeds,
        seed=seed,
        most_prompts=most_prompts,
        report=report,
    )
    return Measurements.of(found, seed)


def _report_folder(out: str | Path | None) -> Path | None:
    """A folder that a report may be written to; see `refuse_foreign`."""
    from verigap.llm_validation.reporting.writing import refuse_foreign

    if out is not None:
        refuse_foreign(Path(out))
    return None if out is None else Path(out)


def diagnose(
    traces: TraceSource,
    out: str | Path | None = None,
    *,
    horizons: Iterable[int] | None = None,
    data_budgets: Iterable[int] | None = None,
    num_candidates: int = 8,
    verifier: str | None = None,
    currency: str = "accuracy",
    worth: float | None = None,
    chi2_radius: float | None = None,
    kl_radius: float | None = None,
    prices: Prices | None = None,
    spend: float | None = None,
    include_text: bool = False,
    seed: int = 0,
    most_prompts: int = 2_000,
    report: Report | None = None,
) -> DiagnosisResult:
    """How to select among N samples, and what to train: both decisions in one report.

    Args:
      traces: the samples, as `read_traces` takes them.
      out: folder of the report (report.html, report.json, report.md), made or replaced. Without it
        nothing is written.
      horizons: distinct token budgets H; decisions are about the largest. Default: the sampling
        limit if it is recorded, else the longest trace.
      data_budgets: distinct n, traces to learn from; decisions are about the largest. Default: 16
        to 1024.
      num_candidates: N that decisions are about, as far as there are samples.
      verifier: the one there is at test time: "exact" (a 0/1 check), "learned", or "score" (the
        table's `verifier_score`). Default: all but an exact check.
      currency: "accuracy" (within H), or "return" (tokens of correct trace); both are computed.
      worth: least gain that counts, as a share of the largest reward: 0.01 is one point of
        accuracy. Default: one point or a tenth of what an exact check adds, whichever is larger.
      chi2_radius: chi-square leash kappa of trained policies, above 0; it then takes the place of
        `kl_radius`.
      kl_radius: leash of trained policies in KL divergence from the base, nats. Default: ln 2. What
        the report says of the theory is about the chi-square leash exp(kl_radius) - 1, which lies
        within it.
      prices: of tokens, checks and labels; see `llm_validation.deciding.Prices`.
      spend: most that a prompt may cost: in money with a price, else in tokens.
      include_text: show two samples of each prompt with their text.
      seed: seed of all randomness.
      most_prompts: prompts of a group that decisions are made from, drawn at random where there are
        more; statistics are of all.
      report: called before each stage of each group.

    Interrupted, the same call with the same folder goes on after the last finished stage.

    Returns:
      `content` (the report as dictionaries), `page` (as HTML), `files` (what was written).

    Raises:
      ValueError: an argument is out of range, no sample was graded, or the folder holds other
        things.

    Example:
      >>> import verigap as vg
      >>> found = vg.diagnose(
      ...     "examples/smollm2_products.parquet", horizons=[64], data_budgets=[16, 64]
      ... )
      >>> found.content["groups"][0]["select"]["decision"]["accuracy"]["best_plain"]
      'vote'
    """
    from verigap.figures.diagnosis import draw_group
    from verigap.llm_validation.arguments import checked_horizons
    from verigap.llm_validation.deciding.leashes import USUAL
    from verigap.llm_validation.pools.leashes import chosen_leash
    from verigap.llm_validation.reporting.diagnose import diagnose as diagnose_traces
    from verigap.llm_validation.reporting.unanswerable import refuse_unanswerable
    from verigap.llm_validation.reporting.writing import STAGES, write_report
    from verigap.results import DiagnosisResult
    from verigap.storage.progress import Progress

    kind, unit = _verifier(verifier), _currency(currency)
    if spend is not None and not spend > 0:
        raise ValueError(f"spend: {spend!r} buys nothing; give a number above 0")
    # Before minutes of work, not after them.
    folder = _report_folder(out)
    samples = read_traces(traces)
    if kind == "score" and samples.frame["verifier_score"].null_count() == samples.num_samples:
        raise ValueError(
            "verifier: there is no score, as the column verifier_score is missing or empty; fill "
            "it, or use exact or learned"
        )
    budgets = None if horizons is None else checked_horizons(horizons)
    refuse_unanswerable(samples, currency=unit, prices=prices, spend=spend, horizons=budgets)
    found = diagnose_traces(
        samples, budgets, data_budgets, num_candidates=num_candidates,
        leash=chosen_leash(chi2_radius, kl_radius, USUAL), worth=worth, seed=seed,
        most_prompts=most_prompts, report=report,
        keep=None if folder is None else folder / STAGES,
    )  # fmt: skip
    written = write_report(
        found,
        folder,
        draw=draw_group,
        currency=unit,
        verifier=kind,
        prices=prices,
        spend=spend,
        include_text=include_text,
    )
    if report is not None:
        report(Progress(1, 1, eta=0.0, share=1.0))
    return DiagnosisResult.of(found, written)


def _verifier(name: str | None) -> Verifier | None:
    from verigap.llm_validation.deciding.decisions import VERIFIERS

    if name is None:
        return None
    for known in VERIFIERS:
        if name == known:
            return known
    raise ValueError(f"verifier: unknown {name!r}; use {', '.join(VERIFIERS)}")


def _currency(name: str) -> Currency:
    from verigap.llm_validation.deciding.outcomes import CURRENCIES

    for known in CURRENCIES:
        if name == known:
            return known
    raise ValueError(f"currency: unknown {name!r}; use {' or '.join(CURRENCIES)}")
