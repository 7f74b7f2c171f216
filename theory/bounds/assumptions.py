"""The conditions that several bounds share, each with its predicate."""

from __future__ import annotations

from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.bound import Assumption, Setting

_SLACK = 1e-6
# From 2^60 on neighbouring whole numbers are the same float, in every dtype in use.
_MOST_BITS = 60.0


def _slack(numbers: Array) -> float:
    """Relative slack of a comparison between quantities that were computed in two ways."""
    return max(_SLACK, 64 * float(xp.finfo(numbers.dtype).eps))


def whole_class_size(log2_class_size: Float[Array, "*cells"]) -> Bool[Array, "*cells"]:
    """Whether 2^d is a whole number >= 1, up to a relative error of 1e-9 or the rounding of d.

    d is itself rounded, so d = log2(3) counts. Where the slack reaches half a unit (in float64 from
    d = 29 on) every d counts: the nearest whole class has the same bounds to that precision.
    """
    bits = xp.clip(log2_class_size, 0.0, _MOST_BITS)
    size = xp.exp2(bits)
    rounding = 4 * float(xp.finfo(bits.dtype).eps) * (1.0 + bits)
    near = xp.abs(size - xp.round(size)) <= size * xp.maximum(1e-9, rounding)
    return (log2_class_size >= 0) & (near | (log2_class_size >= _MOST_BITS))


def returns_within_horizon(setting: Setting) -> Bool[Array, ""]:
    """All returns of the law lie in [0, horizon], up to rounding."""
    slack = _SLACK * setting.horizon
    return (xp.min(setting.law.minimum) >= -slack) & (
        xp.max(setting.law.maximum) <= setting.horizon + slack
    )


def _whole_data(setting: Setting) -> Bool[Array, ""]:
    return (setting.data_budget >= 1) & (setting.data_budget == xp.round(setting.data_budget))


def _equally_likely(setting: Setting) -> Bool[Array, ""]:
    mass = setting.law.probabilities
    return xp.max(xp.abs(mass * mass.shape[-1] - 1.0)) <= _slack(mass)


def _covers_no_more_than_the_law(setting: Setting) -> Bool[Array, ""]:
    most = setting.law_coverage * (1.0 + _slack(setting.coverage))
    return setting.law_known & (setting.coverage <= most)


def _spread_is_resolved(setting: Setting) -> Bool[Array, ""]:
    """Whether sd / max |R| is 0 or at least 1e4 machine epsilons for every prompt."""
    law = setting.law
    scale = xp.max(xp.abs(law.atoms), axis=-1)
    least = 1e4 * float(xp.finfo(law.probabilities.dtype).eps) * scale
    return xp.all((law.minimum == law.maximum) | (law.sd >= least))


def _moments_of_the_expert(setting: Setting) -> Bool[Array, ""]:
    expert = setting.expert
    slack = _slack(setting.expert_sd) * setting.horizon
    spread = xp.sqrt(xp.mean(expert.sd**2))
    return (setting.expert_sd >= spread - slack) & (
        setting.expert_mean_max >= xp.max(expert.value) - slack
    )


WHOLE_DATA = Assumption("n is a whole number >= 1", _whole_data)
WHOLE_CLASS = Assumption(
    "the class size 2^d is a whole number", lambda s: whole_class_size(s.log2_class_size)
)
CODEWORDS = Assumption(
    "the number of codewords 2^d is a whole number >= 2",
    lambda s: whole_class_size(s.log2_class_size) & (s.log2_class_size >= 1),
)
HARD_PROMPTS = Assumption(
    "the number of hard prompts d is a whole number >= 1",
    lambda s: (s.log2_class_size >= 1) & (s.log2_class_size == xp.round(s.log2_class_size)),
)
RETURNS_FIT = Assumption("returns lie in [0, H]", returns_within_horizon)
REALISABLE_POLICY = Assumption(
    "the expert belongs to the class",
    lambda s: xp.asarray(s.realisable) & (s.misspecification == 0),
)
MISSPECIFIED_POLICY = Assumption(
    "the class misses the expert by a finite chi-square > 0",
    lambda s: (s.misspecification > 0) & (s.misspecification < xp.inf),
)
REALISABLE_REWARD = Assumption(
    "the reward that labels belongs to the class", lambda s: xp.asarray(s.realisable)
)
RELABELLING = Assumption(
    "the game is the relabelling game", lambda s: xp.asarray(s.game == "relabelling")
)
EQUALLY_LIKELY = Assumption("the K traces of a prompt are equally likely", _equally_likely)
EXPERT_MOMENTS = Assumption(
    "sigma_e and mu_e^max are no less than the expert's", _moments_of_the_expert
)
EXPERT_GAINS = Assumption(
    "kappa' > 0 and some prompt has sigma > 0",
    lambda s: (s.expert_radius > 0) & (xp.max(s.law.variance) > 0),
)
INSIDE_BALL = Assumption(
    "kappa' <= kappa: the expert lies in the ball",
    lambda s: s.expert_radius <= s.class_radius * (1.0 + _SLACK),
)
DELTA = Assumption(
    "0 < delta < 1", lambda s: (s.failure_probability > 0) & (s.failure_probability < 1)
)
RESOLVED = Assumption(
    "returns of a prompt are equal or differ by more than rounding, so that coverage is computed",
    _spread_is_resolved,
)
COVERAGE = Assumption("0 < c0 <= 1", lambda s: (s.coverage > 0) & (s.coverage <= 1))
COVERED = Assumption(
    "c0 is at most the top-share coverage of the law",
    _covers_no_more_than_the_law,
    needs_law=True,
)
SAME_LEVEL = Assumption(
    "J* is the same under every reward of the class, and c0 at most every c*",
    lambda s: xp.asarray(s.law_known and s.game in ("relabelling", "same-levels")),
    needs_law=True,
)
WHOLE_DRAWS = Assumption(
    "N is a whole number >= 1",
    lambda s: (s.num_candidates >= 1) & (s.num_candidates == xp.round(s.num_candidates)),
)
EXACT_LABELS = Assumption(
    "eta = f = 0: labels are exact", lambda s: (s.label_error == 0) & (s.label_noise == 0)
)
ERRING_LABELS = Assumption(
    "0 < eta <= 1: labels err", lambda s: (s.label_error > 0) & (s.label_error <= 1)
)
NO_NOISE = Assumption("f = 0: a trace always gets the same label", lambda s: s.label_noise == 0)
NOISY_LABELS = Assumption(
    "0 < f < 1/2: labels are wrong by chance alone",
    lambda s: (s.label_noise > 0) & (s.label_noise < 0.5) & (s.label_error == 0),
)
ESTIMATED_REWARD = Assumption(
    "0 < epsilon_R <= H: a reward estimate in [0, H] is given",
    lambda s: (s.reward_error > 0) & (s.reward_error <= s.horizon),
)
HARD_INSTANCE = Assumption(
    "the game is VB-LOWER's hard prompts",
    lambda s: xp.asarray(s.game == "hard-prompts"),
)
