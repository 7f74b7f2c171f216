"""The calculator: every bound and every exact risk of one setting."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from pydantic import TypeAdapter, ValidationError

from verigap.sim.relabelling.exact_risks import exact_risks
from verigap.sim.sweeps.laws import LawSpec, TableSpec
from verigap.storage.units import LengthUnit
from verigap.theory import BOUNDS, RewardLaw, Setting
from verigap.theory.bounds.vf_lower import hardest_tilt, vf_lower

_MOST = 1 << 30

HEADLINES = {
    "vf_lower": "VF-LOWER",
    "vf_upper": "VF-UPPER",
    "vb_upper": "VB-UPPER",
    "separation": "SEPARATION",
}
"""JSON keys of the four bounds everybody asks for."""


@dataclass(frozen=True)
class Question:
    """What the calculator is asked.

    Lengths and returns are in the unit of the law table, if `law` is one, else in tokens.

    Attributes:
      horizon: H >= 1.
      n: data budget >= 1.
      log2_class: d, bits, > 0.
      kappa: chi-square radius of the expert class; by default tilt^2, or 1 without a tilt.
      tilt: epsilon = sqrt(kappa') of the demonstrating expert; by default the best of the ball.
      delta: failure probability.
      law: "two-level", "FAMILY:key=value,...", "returns:r1,r2,...", or a law table's path.
      dataset, model: which group of a law table.
      sigma, mean: of the return under the base; they define the two-level law.
      c0: coverage; by default computed from the law.
      best_of: N of best-of-N.
      atoms: traces a general law is quantised to.
      seed, replicates: of the VF-Bayes simulation; a tenth of them on a population.
    """

    horizon: int
    n: int
    log2_class: float
    kappa: float | None = None
    tilt: float | None = None
    delta: float = 0.05
    law: str | None = None
    dataset: str | None = None
    model: str | None = None
    sigma: float | None = None
    mean: float | None = None
    c0: float | None = None
    best_of: int = 8
    atoms: int = 16
    seed: int = 0
    replicates: int = 20_000

    def __post_init__(self) -> None:
        def refuse(bad: bool, name: str, needs: str) -> None:
            if bad:
                raise ValueError(f"--{name.replace('_', '-')}: {needs}, not {getattr(self, name)}")

        refuse(not 1 <= self.horizon <= _MOST, "horizon", f"must be 1 to {_MOST}")
        refuse(not 1 <= self.n <= _MOST, "n", f"must be 1 to {_MOST}")
        refuse(not 0 < self.log2_class <= 200, "log2_class", "must be in (0, 200] bits")
        refuse(not 0 < self.delta < 1, "delta", "must lie strictly between 0 and 1")
        refuse(not 1 <= self.best_of <= _MOST, "best_of", f"must be 1 to {_MOST}")
        refuse(not 0 <= self.seed < 1 << 32, "seed", "must be 0 to 4294967295")
        if self.kappa is not None:
            refuse(not 0 < self.kappa < math.inf, "kappa", "must be positive and finite")
        if self.tilt is not None:
            refuse(not 0 < self.tilt < math.inf, "tilt", "must be positive and finite")
        if self.kappa is not None and self.tilt is not None:
            outside = self.tilt**2 > self.kappa * (1 + 1e-9)
            refuse(outside, "tilt", f"its square must not exceed --kappa {self.kappa:g}")
        if self.c0 is not None:
            refuse(not 0 < self.c0 <= 1, "c0", "must be in (0, 1]")
        if self.mean is not None:
            refuse(not 0 <= self.mean <= self.horizon, "mean", "must lie in [0, horizon]")
        if self.sigma is not None:
            mean = self.horizon / 2 if self.mean is None else self.mean
            most = math.sqrt(mean * (self.horizon - mean))
            refuse(
                not 0 < self.sigma <= most * (1 + 1e-9),
                "sigma",
                f"must be in (0, {most:.6g}]: a return in [0, {self.horizon}] with mean {mean:g} "
                "cannot spread more",
            )

    @property
    def radius(self) -> float:
        """kappa with its defaults filled in."""
        if self.kappa is not None:
            return self.kappa
        return 1.0 if self.tilt is None else self.tilt**2


def _two_level(question: Question) -> np.ndarray:
    mean = question.horizon / 2 if question.mean is None else question.mean
    sigma = min(mean, question.horizon - mean) if question.sigma is None else question.sigma
    if sigma <= 0:
        raise ValueError("--mean: leaves the two-level law no spread; give 0 < mean < horizon")
    return np.asarray([[mean - sigma, mean + sigma]], np.float64)


def law_atoms(question: Question) -> tuple[np.ndarray, bool, LengthUnit]:
    """Equiprobable atoms (prompts, K), whether they are a law and not a stand-in, and their unit.

    Raises:
      ValueError: for a law that cannot be read, in one line.
    """
    text = question.law
    if text is None:
        return _two_level(question), False, LengthUnit.TOKENS
    if text == "two-level":
        atoms = _two_level(question)
        if atoms.min() < -1e-9 or atoms.max() > question.horizon * (1 + 1e-9):
            raise ValueError(
                f"--sigma: the two-level law pays {atoms[0, 0]:g} and {atoms[0, 1]:g} tokens, "
                f"outside [0, {question.horizon}]"
            )
        return atoms, True, LengthUnit.TOKENS
    if question.sigma is not None or question.mean is not None:
        raise ValueError(
            f"--law {text}: --sigma and --mean only shape the two-level law; drop them"
        )
    family, _, rest = text.partition(":")
    try:
        if text.endswith(".parquet"):
            spec: Any = TableSpec(
                family="table", table=text, dataset=question.dataset, model=question.model
            )
        elif family == "returns":
            shares = [[float(part) / question.horizon for part in rest.split(",")]]
            spec = TypeAdapter(LawSpec).validate_python({"family": family, "returns": shares})
        else:
            pairs = dict(part.split("=", 1) for part in rest.split(",") if part)
            spec = TypeAdapter(LawSpec).validate_python(
                {"family": family, **{key: float(value) for key, value in pairs.items()}}
            )
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "union_tag_invalid":
            known = first.get("ctx", {}).get("expected_tags", "").replace("'", "")
            raise ValueError(f"--law: no family {family!r}; one of {known}") from None
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"--law {text}: {where}: {first['msg']}") from None
    except ValueError:
        raise ValueError(
            f"--law {text}: expected two-level, FAMILY:key=value,..., returns:r1,r2,... or a "
            "law table ending in .parquet"
        ) from None
    atoms = spec.atoms(question.horizon, question.atoms, Path())
    return atoms.returns, True, atoms.unit


# Compiled as one, as each operation on its own is a program to compile.
@jax.jit
def _setting(atoms: Float[Array, "prompts K"], **numbers: Any) -> Setting:
    return Setting.from_law(RewardLaw.equiprobable(atoms), **numbers)


_with_expert = jax.jit(Setting.with_expert)


def setting_of(question: Question, atoms: np.ndarray, known_law: bool) -> Setting:
    """The setting the bounds are evaluated in.

    With sigma, mean and c0 only, VF-LOWER is that of the two-level law with these moments, and
    the expert's moments in VF-UPPER are the largest that returns in [0, H] allow.
    """
    setting = _setting(
        jnp.asarray(atoms),
        horizon=float(question.horizon),
        data_budget=float(question.n),
        log2_class_size=float(question.log2_class),
        chi2_radius=float(question.radius),
        expert_radius=None if question.tilt is None else question.tilt**2,
        failure_probability=question.delta,
        num_candidates=float(question.best_of),
    )
    if question.c0 is not None:
        setting = replace(setting, coverage=jnp.asarray(question.c0, setting.coverage.dtype))
    if not known_law:
        horizon = setting.horizon
        low = jnp.mean(setting.law.mean)
        reach = jnp.sqrt(setting.expert_radius) * jnp.mean(setting.law.sd)
        high = jnp.minimum(low + reach, horizon)
        middle = jnp.clip(0.5 * horizon, low, high)
        setting = replace(
            setting,
            expert_sd=jnp.sqrt(middle * (horizon - middle)),
            expert_mean_max=high,
            law_known=False,
        )
    return setting


@jax.jit
def _evaluate(setting: Setting):
    """Value and assumptions of every bound; VF-LOWER's hardest tilt and value at the expert."""
    values = {
        name: (bound.value(setting), [a.holds(setting) for a in bound.assumptions])
        for name, bound in BOUNDS.items()
    }
    return values, hardest_tilt(setting, vf_lower), vf_lower(replace(setting, hardest_expert=False))


def calculate(question: Question) -> dict[str, Any]:
    """All bounds, the exact risks, and what they were computed for; values in `unit`.

    Returns:
      The four headline bounds under `vf_lower`, `vf_upper`, `vb_upper`, `separation` (each with
      `value` and `assumptions_hold`, false where an assumption fails or cannot be checked without
      the law), every bound under `bounds`, `unit` (what H, returns and risks count: that of the
      law table, else tokens), and `exact` (None without a law)
      with a `Risk` (`value`, `method`, `standard_error`, `replicates`) under every learner's name:
      suboptimality against the demonstrating expert, which is the best of the chi-square ball
      unless `tilt` is given. VF-LOWER is free to choose an expert of the ball: without `tilt` it is
      that of the hardest one, `tilt` is its tilt, `value_at_expert` the bound at the best one, and
      `exact_hardest` has the exact risks against the hardest one.

    Raises:
      ValueError: for an impossible question, in one line.
    """
    if question.law is None and (
        question.sigma is None or question.mean is None or question.c0 is None
    ):
        raise ValueError("give --law, or all of --sigma, --mean and --c0")
    atoms, known_law, unit = law_atoms(question)
    setting = setting_of(question, atoms, known_law)
    bounds: dict[str, Any] = {}
    free = question.tilt is None
    values, hardest, at_expert = jax.device_get(_evaluate(setting))
    for name, bound in BOUNDS.items():
        value, held = values[name]
        unmet = [a for a, ok in zip(bound.assumptions, held, strict=True) if not ok]
        bounds[name] = {
            "value": float(value),
            "assumptions_hold": not unmet,
            "assumptions_failing": [a.text for a in unmet if a.can_be_checked(setting)],
            "assumptions_unchecked": [a.text for a in unmet if not a.can_be_checked(setting)],
            "quantity": bound.quantity,
            "title": bound.title,
            "source": bound.source,
        }
    if free:
        bounds["VF-LOWER"]["tilt"] = float(hardest)
        bounds["VF-LOWER"]["value_at_expert"] = float(at_expert)
    law = setting.law

    def exact_at(chosen: Setting) -> dict[str, Any] | None:
        if not known_law:
            return None
        found = exact_risks(chosen, seed=question.seed, replicates=question.replicates)
        return found.as_json()

    return {
        "unit": unit,
        "horizon": question.horizon,
        "n": question.n,
        "log2_class": question.log2_class,
        "kappa": question.radius,
        "delta": question.delta,
        "mean": float(jnp.mean(law.mean)),
        "sigma": float(jnp.sqrt(jnp.mean(law.variance))),
        "c0": float(setting.coverage),
        **{key: bounds[name] for key, name in HEADLINES.items()},
        "exact": exact_at(setting),
        "exact_hardest": exact_at(_with_expert(setting, hardest**2)) if free else None,
        "bounds": bounds,
    }
