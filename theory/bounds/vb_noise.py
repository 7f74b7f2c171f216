"""VB-UPPER-NOISE: labels that are wrong by chance, anew each time, only slow verification down.

Proof: docs/theory.md#vb-upper-noise.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.bounds.assumptions import NOISY_LABELS
from verigap.theory.bounds.bound import Bound, Setting
from verigap.theory.bounds.survivors import worst_error
from verigap.theory.bounds.vb_upper import COVERED_CLASS
from verigap.theory.experts import safe_sqrt
from verigap.theory.precision import rounds_up


@rounds_up
def vb_upper_noise(setting: Setting) -> Float[Array, ""]:
    """Upper bound on the mean risk with labels that are wrong by chance (VB-UPPER-NOISE).

    (H/c0) phi / (1 - 2 sqrt(f (1 - f))) for pessimism over the rewards that disagree with fewest
    labels, where f < 1/2 is the probability that a label is wrong, drawn anew for each label.

    Args:
      setting: one setting, without batch axes; `jax.vmap` evaluates many.

    Returns:
      Tokens, a scalar of at least 0; infinite from f = 1/2 on.

    Proof: docs/theory.md#vb-upper-noise.

    Example:
      >>> from verigap.theory.bounds.example import example_setting
      >>> round(float(vb_upper_noise(example_setting(label_noise=0.1))), 3)
      38.999
    """
    noise = xp.clip(setting.label_noise, 0.0, 0.5)
    # 1 - 2 sqrt(f (1 - f)) as a quotient, without the difference of near numbers.
    told = (1.0 - 2.0 * noise) ** 2 / (1.0 + 2.0 * safe_sqrt(noise * (1.0 - noise)))
    return setting.horizon / setting.coverage * worst_error(setting) / told


VB_UPPER_NOISE = Bound(
    name="VB-UPPER-NOISE",
    title="rewards that fit best + pessimism with labels that are wrong by chance",
    statement=(
        r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le "
        r"\frac{H}{c_0}\,\frac{\varphi(|\mathcal{R}|,n)}{1-2\sqrt{f(1-f)}}"
    ),
    source="beyond [S25]",
    side="verifier-based",
    quantity="risk",
    direction="upper",
    statistic="mean",
    learners=("vb-pessimism",),
    assumptions=(*COVERED_CLASS, NOISY_LABELS),
    value=vb_upper_noise,
)
