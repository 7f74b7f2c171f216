"""The calculator: every bound and every learner's risk in one setting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from verigap.sim.relabelling.learner_risks import LearnerRisks, learner_risks
from verigap.sim.score_selection import (
    RocPoints,
    ScoreSelection,
    checked_roc,
    law_as_given,
    score_selection,
)
from verigap.sim.sweeps.laws import LawSpec, TableSpec, TwoLevelSpec
from verigap.storage.units import LengthUnit
from verigap.theory import BOUNDS, RewardLaw, Setting, equiprobable_atoms
from verigap.theory.arrays import host_array
from verigap.theory.balls import BALLS, Divergence, largest_gain, named_radius
from verigap.theory.bounds.assumptions import whole_class_size
from verigap.theory.bounds.vf_lower import hardest_tilt, vf_lower

MOST = 1 << 30
"""Largest budget, number of traces and number of candidates."""

_ATOMS = 16
"""Equiprobable traces a prompt, where a law is quantised."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What is known of a law whose shape is not: its mean and standard deviation, in tokens.

    Bounds take the worst law with these moments; there are no exact risks.
    """

    mean: float
    sd: float


Law = RewardLaw | LawSpec | Moments | str
"""A reward law in tokens, a family as a sweep names it, moments, "two-level", or a table's path."""


@dataclass(frozen=True, kw_only=True)
class BoundValue:
    """One bound in one setting.

    Attributes:
      value: in tokens; a probability for bounds on a matching.
      proved: whether every assumption of the bound is known to hold in the setting.
      failing_assumptions: those that do not hold.
      unchecked_assumptions: those that cannot be checked without the law.
      quantity: what it bounds (see `theory.Bound`).
      title, source: of the bound.
    """

    value: float
    proved: bool
    failing_assumptions: tuple[str, ...]
    unchecked_assumptions: tuple[str, ...]
    quantity: str
    title: str
    source: str

    @property
    def proved_in_words(self) -> str:
        """The word yes, or the first reason why the bound is not known to be proved here."""
        if self.failing_assumptions:
            return f"no, only if {self.failing_assumptions[0]}"
        if self.unchecked_assumptions:
            return f"not checked: {self.unchecked_assumptions[0]}"
        return "yes"


@dataclass(frozen=True, kw_only=True, eq=False)
class Calculation:
    """Every bound and every learner's risk in one setting; returns and risks are in `unit`.

    Attributes:
      unit: what the budget, returns and risks count: that of a law table, else tokens.
      horizon, data_budget, log2_class_size, failure_probability, num_candidates, reward_error,
        misspecification: as asked, defaults filled in.
      chi2_radius, kl_radius: kappa, of the expert class; None where the ball is of the other kind.
      mean, sd: of the return under the base.
      coverage: c0.
      bounds: by name.
      hardest_radius: of the expert that VF-LOWER finds hardest to clone, in the divergence of the
        class; None where the expert is given. In a chi-square ball its root is the `hardest_tilt`.
      vf_lower_at_expert: VF-LOWER at the best expert of the ball; None where the expert is given.
      risks: of the learners against the demonstrating expert, each with its method (closed form,
        lattice approximation or simulation); None where only moments of the law are known, or the
        class is no whole number of bits.
      selection: what selection by a score earns; None where no ROC curve is given.
      risks_hardest: the same against the hardest expert; None also where the expert is given.
      setting: what the bounds were evaluated in.
    """

    unit: LengthUnit
    horizon: int
    data_budget: int
    log2_class_size: float
    chi2_radius: float | None
    kl_radius: float | None
    failure_probability: float
    num_candidates: int
    reward_error: float
    misspecification: float
    mean: float
    sd: float
    coverage: float
    bounds: Mapping[str, BoundValue]
    hardest_radius: float | None
    hardest_tilt: float | None
    vf_lower_at_expert: float | None
    risks: LearnerRisks | None
    risks_hardest: LearnerRisks | None
    selection: ScoreSelection | None
    setting: Setting


def _refuse(bad: bool, name: str, needs: str, value: object) -> None:
    if bad:
        raise ValueError(f"{name}: {needs}, not {value}")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked about a law; `verigap.calculate` says what each number is, and its default.

    Raises:
      ValueError: a number is out of range, in one line that names the first one.
    """

    horizon: int
    data_budget: int
    log2_class_size: float
    chi2_radius: float | None
    expert_radius: float | None
    failure_probability: float
    coverage: float | None
    num_candidates: int
    seed: int
    replicates: int
    kl_radius: float | None = None
    roc: RocPoints = ()
    reward_error: float = 0.0
    misspecification: float = 0.0

    def __post_init__(self) -> None:
        def need(met: bool, name: str, needs: str) -> None:
            _refuse(not met, name, needs, getattr(self, name))

        for name in ("horizon", "data_budget", "num_candidates", "replicates", "seed"):
            whole = isinstance(getattr(self, name), Integral)
            need(whole, name, "must be a whole number")
        checked_roc(self.roc)
        for name, value in vars(self).items():
            if name == "roc":
                continue
            need(value is None or isinstance(value, Real), name, "must be a number")
        for name in ("horizon", "data_budget", "num_candidates"):
            need(1 <= getattr(self, name) <= MOST, name, f"must be 1 to {MOST}")
        need(2 <= self.replicates <= MOST, "replicates", f"must be 2 to {MOST}")
        need(0 < self.log2_class_size <= 200, "log2_class_size", "must be in (0, 200] bits")
        between = "must lie strictly between 0 and 1"
        need(0 < self.failure_probability < 1, "failure_probability", between)
        need(0 <= self.seed < 1 << 32, "seed", "must be 0 to 4294967295")
        for name in ("expert_radius", "chi2_radius", "kl_radius"):
            radius = getattr(self, name)
            need(radius is None or 0 < radius < math.inf, name, "must be positive and finite")
        both = self.chi2_radius is not None and self.kl_radius is not None
        _refuse(both, "kl_radius", "must not be given beside `chi2_radius`", self.kl_radius)
        if self.expert_radius is not None:
            ball, most = BALLS[self.divergence], self.class_radius
            needs = f"its {ball.title} radius must not exceed the `{ball.name}_radius` of the class"
            outside = self.expert_radius > most * (1 + 1e-9)
            _refuse(outside, "expert_radius", f"{needs}, {most:g}{ball.unit}", self.expert_radius)
        most = f"must be in [0, {self.horizon}], as returns are"
        need(0 <= self.reward_error <= self.horizon, "reward_error", most)
        finite = 0 <= self.misspecification < math.inf
        need(finite, "misspecification", "must be at least 0 and finite")
        need(self.coverage is None or 0 < self.coverage <= 1, "coverage", "must be in (0, 1]")

    @property
    def divergence(self) -> Divergence:
        """What the radii bound: KL where `kl_radius` is given."""
        return "chi2" if self.kl_radius is None else "kl"

    @property
    def class_radius(self) -> float:
        """kappa: as asked, else that of the expert, else a chi-square radius of 1."""
        asked = self.chi2_radius if self.kl_radius is None else self.kl_radius
        if asked is not None:
            return asked
        return 1.0 if self.expert_radius is None else self.expert_radius


def two_level_atoms(mean: float, sd: float, horizon: int) -> Float[np.ndarray, "1 2"]:
    """The equiprobable returns mean - sd and mean + sd, in tokens.

    Raises:
      ValueError: no return in [0, horizon] has these moments.
    """
    _refuse(not 0 < mean < horizon, "mean", f"must lie strictly between 0 and {horizon}", mean)
    most = math.sqrt(mean * (horizon - mean))
    needs = f"must be in (0, {most:.6g}], as no return in [0, {horizon}] with mean {mean:g} spreads"
    _refuse(not 0 < sd <= most * (1 + 1e-9), "sd", f"{needs} more", sd)
    return np.asarray([[mean - sd, mean + sd]], np.float64)


def _atoms(law: Law, horizon: int) -> tuple[np.ndarray, LengthUnit]:
    """Equiprobable returns (prompts, K) and their unit; moments stand for a two-level law."""
    if isinstance(law, Moments):
        return two_level_atoms(law.mean, law.sd, horizon), LengthUnit.TOKENS
    if isinstance(law, RewardLaw):
        return _atoms_of_law(law, horizon), LengthUnit.TOKENS
    spec = law
    if isinstance(spec, str):
        if spec == "two-level":
            spec = TwoLevelSpec(family="two-level")
        elif spec.endswith(".parquet"):
            spec = TableSpec(family="table", table=spec)
        else:
            raise ValueError(
                f"law: {spec!r} is neither two-level nor a law table ending in .parquet; other laws"
                " are RewardLaw objects"
            )
    if not hasattr(spec, "atoms"):
        raise ValueError(f"law: {type(law).__name__} is no reward law; give a theory.RewardLaw")
    atoms = spec.atoms(horizon, _ATOMS, Path())
    return atoms.returns, atoms.unit


def _atoms_of_law(law: RewardLaw, horizon: int) -> Float[np.ndarray, "prompts K"]:
    support, mass = (np.atleast_2d(np.asarray(a)) for a in (law.atoms, law.probabilities))
    outside = support[(support < 0) | (support > horizon * (1 + 1e-9))]
    if outside.size:
        raise ValueError(f"law: a return of {outside[0]:g} tokens lies outside [0, {horizon}]")
    if np.ptp(mass) <= 1e-9 * mass.max():
        return support
    mass = mass / mass.sum(axis=-1, keepdims=True)
    return np.asarray(
        equiprobable_atoms(RewardLaw(host_array(support), host_array(mass)), _ATOMS)[0].support
    )


def _with_moments_only(setting: Setting) -> Setting:
    """The setting of moments alone: the expert's moments are the largest that they allow."""
    horizon = setting.horizon
    low = np.mean(setting.law.mean)
    moments = np.mean(setting.law.sd), horizon - low
    high = np.minimum(low + largest_gain(setting.ball, *moments, setting.expert_radius), horizon)
    middle = np.clip(0.5 * horizon, low, high)
    return replace(
        setting,
        expert_sd=np.sqrt(middle * (horizon - middle)),
        expert_mean_max=high,
        law_known=False,
    )


def _evaluate(setting: Setting):
    """Value and assumptions of every bound; VF-LOWER's hardest tilt and value at the expert."""
    values = {
        name: (bound.value(setting), [a.holds(setting) for a in bound.assumptions])
        for name, bound in BOUNDS.items()
    }
    return values, hardest_tilt(setting, vf_lower), vf_lower(replace(setting, hardest_expert=False))


# Infinities are values here: NumPy need not speak of them.
@np.errstate(all="ignore")
def calculate(law: Law, question: Question) -> Calculation:
    """All bounds and all learners' risks in one setting.

    Risks are suboptimality against the demonstrating expert: the best of the chi-square ball, or
    that of the question's `expert_radius`. Without one VF-LOWER takes the expert hardest to clone.

    Args:
      law: reward law of the base: a `RewardLaw` (K,) or (prompts, K) in tokens, a family as a sweep
        names it, `Moments` (then the question's `coverage` is needed), "two-level" for returns 0
        and H, or the path of a law table ending in .parquet.
      question: budgets, class, radii and seeds.

    Raises:
      ValueError: the law does not fit the question, in one line that names a parameter.

    Example:
      >>> from verigap.sim import Moments, Question, calculate
      >>> question = Question(
      ...     horizon=64, data_budget=64, log2_class_size=12.0, chi2_radius=1.0,
      ...     expert_radius=None, failure_probability=0.05, coverage=0.5, num_candidates=8, seed=0,
      ...     replicates=200,
      ... )
      >>> found = calculate(Moments(mean=32.0, sd=16.0), question)
      >>> round(found.bounds["VB-UPPER"].value, 2), found.risks is None
      (20.74, True)
    """
    if isinstance(law, Moments) and question.coverage is None:
        raise ValueError("coverage: is missing; moments alone do not give it")
    if isinstance(law, Moments) and question.roc:
        raise ValueError("roc: needs a law; moments alone do not say how often the base is right")
    returns, unit = _atoms(law, question.horizon)
    setting = _setting_of(law, question, returns)
    values, hardest, at_expert = _evaluate(setting)
    free = question.expert_radius is None

    def risks_at(chosen: Setting) -> LearnerRisks | None:
        # There is no game of a fraction of a codeword.
        if isinstance(law, Moments) or not whole_class_size(setting.log2_class_size):
            return None
        return learner_risks(chosen, seed=question.seed, replicates=question.replicates)

    risks = risks_at(setting)
    # The best expert may be the one that is hardest to clone.
    same = hardest >= np.sqrt(setting.expert_radius)
    return Calculation(
        unit=unit,
        horizon=question.horizon,
        data_budget=question.data_budget,
        log2_class_size=question.log2_class_size,
        chi2_radius=None if question.divergence == "kl" else question.class_radius,
        kl_radius=question.kl_radius,
        failure_probability=question.failure_probability,
        num_candidates=question.num_candidates,
        reward_error=question.reward_error,
        misspecification=question.misspecification,
        mean=float(np.mean(setting.law.mean)),
        sd=float(np.sqrt(np.mean(setting.law.variance))),
        coverage=float(setting.coverage),
        bounds={name: _bound_value(name, setting, *values[name]) for name in BOUNDS},
        hardest_radius=float(hardest) ** 2 if free else None,
        hardest_tilt=float(hardest) if free and question.divergence == "chi2" else None,
        vf_lower_at_expert=float(at_expert) if free else None,
        risks=risks,
        risks_hardest=(risks if same else risks_at(setting.with_expert(hardest**2)))
        if free
        else None,
        selection=_selection(law, question),
        setting=setting,
    )


def _selection(law: Law, question: Question) -> ScoreSelection | None:
    """On the law as it is given, which need not be one of equally likely traces."""
    if not question.roc or isinstance(law, Moments):
        return None
    given = law_as_given(law, question.horizon)
    return score_selection(given, question.roc, question.num_candidates)


def _setting_of(law: Law, question: Question, returns: np.ndarray) -> Setting:
    """The setting in which bounds are evaluated."""
    setting = Setting.from_law(
        RewardLaw.equiprobable(host_array(returns)),
        horizon=float(question.horizon),
        data_budget=float(question.data_budget),
        log2_class_size=float(question.log2_class_size),
        **named_radius(question.divergence, float(question.class_radius)),
        expert_radius=question.expert_radius,
        failure_probability=question.failure_probability,
        num_candidates=float(question.num_candidates),
        reward_error=question.reward_error,
        misspecification=question.misspecification,
    )
    if question.coverage is not None:
        setting = replace(setting, coverage=np.asarray(question.coverage, np.float64))
    return _with_moments_only(setting) if isinstance(law, Moments) else setting


def _bound_value(name: str, setting: Setting, value: Any, held: list[Any]) -> BoundValue:
    bound = BOUNDS[name]
    unmet = [a for a, ok in zip(bound.assumptions, held, strict=True) if not ok]
    return BoundValue(
        value=float(value),
        proved=not unmet,
        failing_assumptions=tuple(a.text for a in unmet if a.can_be_checked(setting)),
        unchecked_assumptions=tuple(a.text for a in unmet if not a.can_be_checked(setting)),
        quantity=bound.quantity,
        title=bound.title,
        source=bound.source,
    )
