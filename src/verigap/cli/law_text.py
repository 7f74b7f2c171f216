"""Reward laws as the command line spells them: FAMILY:key=value,..., returns:1,2,3, a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verigap.sim.calculator import Law


def parse_law(
    text: str | None,
    horizon: int,
    *,
    sigma: float | None,
    mean: float | None,
    dataset: str | None,
    model: str | None,
) -> Law:
    """The law that `--law` and the options that shape it name; only moments without `--law`.

    Raises:
      ValueError: there is no such law, in one line.
    """
    from pydantic import TypeAdapter, ValidationError

    from verigap.sim.calculator import MOST, Moments
    from verigap.sim.sweeps.laws import LawSpec, TableSpec

    if not 1 <= horizon <= MOST:
        raise ValueError(f"--horizon: must be 1 to {MOST}, not {horizon}")
    groups = [flag for flag, group in (("--dataset", dataset), ("--model", model)) if group]
    if groups and not (text or "").endswith(".parquet"):
        raise ValueError(f"{groups[0]}: names a group of a law table; --law names none")
    if text is None or text == "two-level":
        mean = horizon / 2 if mean is None else mean
        sigma = min(mean, horizon - mean) if sigma is None else sigma
        if text is None:
            return Moments(mean=mean, sd=sigma)
        return _two_level(mean, sigma, horizon)
    if sigma is not None or mean is not None:
        raise ValueError(
            f"--law {text}: --sigma and --mean only shape the two-level law; drop them"
        )
    family, _, rest = text.partition(":")
    spec: Any
    try:
        if text.endswith(".parquet"):
            return TableSpec(family="table", table=text, dataset=dataset, model=model)
        if family == "returns":
            spec = {"returns": [[float(part) / horizon for part in rest.split(",")]]}
        else:
            pairs = dict(part.split("=", 1) for part in rest.split(",") if part)
            spec = {key: float(value) for key, value in pairs.items()}
        return TypeAdapter(LawSpec).validate_python({"family": family, **spec})
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


def _two_level(mean: float, sigma: float, horizon: int) -> Law:
    """The returns mean - sigma and mean + sigma, which must lie within the budget."""
    import numpy as np

    from verigap.sim.calculator import two_level_atoms
    from verigap.theory import RewardLaw

    atoms = two_level_atoms(mean, sigma, horizon)
    if atoms.min() < -1e-9 or atoms.max() > horizon * (1 + 1e-9):
        raise ValueError(
            f"--sigma: the two-level law pays {atoms[0, 0]:g} and {atoms[0, 1]:g} tokens, "
            f"outside [0, {horizon}]"
        )
    return RewardLaw.checked(np.clip(atoms, 0, horizon), np.full((1, 2), 0.5))
