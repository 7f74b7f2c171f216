"""The relabelling game on one prompt: returns 0 and H, one success in sixteen, four free returns.

Verifier-free learners are of two kinds. A proper one plays the tilt of the codeword that maximum
likelihood picks. A free one plays the best trace of that codeword, or, on two traces, whatever the
codewords say on average without any data; the better of the two. Verification is pessimism, exact
on two traces, elsewhere at most what it would earn from the true codeword alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from jaxtyping import Float

from verigap.sim.attacks.space import BoundedQuantity, Parameter, SearchSpace, Values
from verigap.sim.attacks.spaces.success_law import EXPERT_SHARE, HORIZON
from verigap.theory import Bound, RewardLaw, Setting, top_share_policy
from verigap.theory.arrays import Array, as_in, on_host, xp
from verigap.theory.binomial_lattices import two_valued_lattice, two_values
from verigap.theory.lattice_ends import likelihood_ends
from verigap.theory.risks import probability_correct, two_level_pessimistic_gain
from verigap.theory.risks.ties import log_tie_share
from verigap.theory.risks.version_space import two_level_agreement

_MOST_TRACES = 500
# As many as the counts of successes.
_CELLS = 1 << 9
_GENERAL_CELLS = 1 << 9
_ROUNDING = 1e-9
_LN2 = 0.6931471805599453


class Gains(NamedTuple):
    """What learners earn over the base, in tokens, each at the safe end.

    Attributes:
      expert: that demonstrates.
      match: at least the chance that maximum likelihood picks the true codeword.
      proper, free: at least that of the two verifier-free learners.
      pessimism: at most that of pessimism.
      plug_in: at most that of the conditional policy of a random survivor; two traces only.
    """

    expert: Float[Array, ""]
    match: Float[Array, ""]
    proper: Float[Array, ""]
    free: Float[Array, ""]
    pessimism: Float[Array, ""]
    plug_in: Float[Array, ""]


def _gains_of_one_success(setting: Setting) -> Gains:
    """Of a law with one success, under which the expert's density ratio has two values."""
    law, expert = setting.law, setting.expert
    traces, size = setting.data_budget, setting.log2_class_size
    pair, _ = two_values(law, expert.density_ratio)
    lattice = two_valued_lattice(traces, pair, size, _CELLS)
    match = xp.maximum(probability_correct(lattice, size) - _ROUNDING, 0.0)
    gain, room = expert.gain[0], law.headroom[0]
    best = law.expectation(top_share_policy(law, setting.coverage))[0] - law.mean[0]
    gains = Gains(gain, match, gain * match, room * match, best, best)
    return _two_level_gains(setting, gains) if law.probabilities.shape[-1] == 2 else gains


def _two_level_gains(setting: Setting, gains: Gains) -> Gains:
    """With what is known on two traces besides."""
    traces, size = setting.data_budget, setting.log2_class_size
    sd = setting.law.sd[0]
    unaided = two_level_agreement(xp.maximum(xp.round(xp.exp2(size)) - 1.0, 1.0))
    # The exact sum over the survivors is short up to 2^11 codewords.
    summed = two_level_pessimistic_gain(traces, xp.minimum(size, 11.0), sd, setting.coverage)
    share = xp.exp(log_tie_share(-traces * _LN2, size))
    return gains._replace(
        free=xp.maximum(gains.free, sd * unaided * (1.0 - _ROUNDING)),
        pessimism=xp.where(size <= 11.0, summed * (1.0 + _ROUNDING), gains.pessimism),
        plug_in=sd * share,
    )


def _general_gains(setting: Setting) -> Gains:
    law, expert = setting.law, setting.expert
    cells = (1 << 16) if on_host(law) else _GENERAL_CELLS
    ends = likelihood_ends(
        law, expert.density_ratio, setting.data_budget, setting.log2_class_size, cells
    )
    correct = probability_correct(ends.low, setting.log2_class_size)
    match = xp.maximum(correct - _ROUNDING, 0.0)
    gain = expert.gain[0]
    best = law.expectation(top_share_policy(law, setting.coverage))[0]
    return Gains(
        expert=gain,
        match=match,
        proper=gain * match,
        free=law.headroom[0] * match,
        pessimism=best - law.mean[0],
        plug_in=best - law.mean[0],
    )


def _quantity(bound: Bound, gains: Gains) -> Float[Array, ""]:
    if bound.quantity == "matching":
        return gains.match
    if bound.side == "verifier-based":
        plug_in = bound.learners == ("vb-plug-in",)
        return gains.expert - (gains.plug_in if plug_in else gains.pessimism)
    cloned = gains.free if "vf-bayes" in bound.learners else gains.proper
    return gains.pessimism - cloned if bound.quantity == "gap" else gains.expert - cloned


def _setting(law: RewardLaw, values: Values, radius: Array, ball: Array) -> Setting:
    return Setting.from_law(
        law,
        horizon=values["horizon"],
        data_budget=values["data_budget"],
        log2_class_size=values["log2_class_size"],
        chi2_radius=ball,
        expert_radius=radius,
    )


def _one_success(traces: int, bound: Bound, values: Values) -> BoundedQuantity:
    """One trace in K succeeds; the ball is the expert's but for `ball_share`."""
    horizon, share = values["horizon"], values["expert_share"]
    atoms = xp.stack([*[xp.zeros_like(horizon)] * (traces - 1), horizon])
    radius = share**2 * (traces - 1.0)
    ball = radius
    if bound.name == "SEPARATION-LINEAR":
        ball = (share + values["ball_share"] * (1.0 - share)) ** 2 * (traces - 1.0)
    setting = _setting(RewardLaw.equiprobable(atoms[None]), values, radius, ball)
    return BoundedQuantity(setting, _quantity(bound, _gains_of_one_success(setting)))


def _free_returns(bound: Bound, values: Values) -> BoundedQuantity:
    """Four returns from 0 to H."""
    horizon = values["horizon"]
    middle = values["middle_return"]
    inner = [values["lower_return"] * middle * horizon, middle * horizon]
    atoms = xp.stack([xp.zeros_like(horizon), *inner, horizon])
    law = RewardLaw.equiprobable(atoms[None])
    radius = 3.0 * values["expert_share"] ** 2
    setting = _setting(law, values, radius, as_in(radius, law.probabilities))
    return BoundedQuantity(setting, _quantity(bound, _general_gains(setting)))


def _parameters(*more: Parameter, traces: int) -> tuple[Parameter, ...]:
    return (
        Parameter(name="data_budget", low=1.0, high=_MOST_TRACES, logarithmic=True, whole=True),
        Parameter(name="log2_class_size", low=1.0, high=60.0, logarithmic=True, whole=True),
        Parameter(name="success", low=1.0 / traces, high=1.0 / traces),
        EXPERT_SHARE,
        *more,
        HORIZON,
    )


_COUNTED = (
    "VF-LOWER-PROPER",
    "VF-LOWER-SHARP",
    "VF-LOWER-PROBABILITY",
    "SEPARATION-PROPER",
)
"""Bounds that sum over the counts of successes on two traces, which takes a while."""

_SUMMED = ("VF-LOWER", "VF-LOWER-MEDIAN", "SEPARATION", "SEPARATION-LINEAR")
_BALL = Parameter(name="ball_share", low=0.0, high=1.0)

TWO_LEVEL = SearchSpace(
    name="relabelling-two-level",
    title="the relabelling game on returns 0 and H",
    parameters=_parameters(_BALL, traces=2),
    bounds=(
        *_SUMMED,
        "VB-UPPER-PLUG-IN",
        "CONTROL-VF-LOWER-DOUBLED",
        "CONTROL-VF-LOWER-PROPER-FOR-ALL",
    ),
    measure=partial(_one_success, 2),
)

TWO_LEVEL_COUNTED = replace(
    TWO_LEVEL, name="relabelling-two-level-counted", bounds=_COUNTED, most_starts=6
)

RARE = SearchSpace(
    name="relabelling-rare-success",
    title="the relabelling game with one success in sixteen traces",
    parameters=_parameters(_BALL, traces=16),
    bounds=(*_SUMMED, *_COUNTED),
    measure=partial(_one_success, 16),
)

FREE = SearchSpace(
    name="relabelling-four-returns",
    title="the relabelling game on four returns",
    parameters=(
        *(p for p in _parameters(traces=4) if p.name != "success"),
        Parameter(name="middle_return", low=0.0, high=1.0),
        Parameter(name="lower_return", low=0.0, high=1.0),
    ),
    bounds=("VF-LOWER", "VF-LOWER-PROPER", "VF-LOWER-SHARP"),
    measure=_free_returns,
)
