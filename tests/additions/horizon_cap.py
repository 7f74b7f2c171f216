"""HORIZON-CAP: no learner loses more than the budget."""

from __future__ import annotations

from jaxtyping import Array, Float

from verigap.theory.bounds.bound import Bound, Setting


def horizon_cap(setting: Setting) -> Float[Array, ""]:
    """The budget H, tokens."""
    return setting.horizon


HORIZON_CAP = Bound(
    name="HORIZON-CAP",
    title="nobody loses more than the budget",
    statement=r"J(\pi_e)-J(\hat\pi)\le H",
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-plug-in",),
    assumptions=(),
    value=horizon_cap,
)
