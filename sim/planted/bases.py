"""Two base policies of one mean return: one of low and one of high heterogeneity.

Both are procedural policies whose competence depends on the prompt and the position, by the same
rule for every prompt of a task. Neither draws a latent variable for a trace: that is one bit, which
cloning learns at once.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.optimize import root_scalar

from verigap.sim.planted.automata import AutomatonPolicy, procedural_policy, return_law
from verigap.sim.planted.task import PlantedTask, all_prompts

FAMILIES = ("low", "high")
CLASSES = 8
"""Number of schedules; prompts are sent to them by their first symbol."""

START_SPREAD = 1 / 3
"""Family "low": windows open up to this share of H earlier or later than on average."""

LATE_COMPETENCE = (0.97, 0.99)
"""Family "low": range of the competence inside the window."""

LOGIT_SPREAD = 2.0
"""Family "high": competences of the attempt lie up to this many logits from their middle."""

LOGIT_RANGE = 40.0
"""Family "high": the middle lies within this many logits, where competences are 0 and 1."""


def schedule_class(prompts: Int[Array, "prompts k"]) -> Int[np.ndarray, " prompts"]:
    """The schedule of each prompt, 0..7: its first symbol modulo 8."""
    # One symbol decides: a hash of all of them is modular arithmetic, which small transformers
    # learn only after very long training.
    return np.asarray(prompts, np.int64)[:, 0] % CLASSES


def unevenness(positions: int) -> Float[np.ndarray, "classes positions"]:
    """Fixed numbers in [0, 1), spread evenly over classes and positions (a Kronecker sequence)."""
    # Powers of the inverse plastic number: the two-dimensional golden section.
    by_class, by_position = 0.7548776662466927, 0.5698402909980532
    rows, columns = np.indices((CLASSES, positions))
    return (rows * by_class + columns * by_position) % 1.0


def late_window(
    classes: Int[np.ndarray, " prompts"], symbols: int, horizon: int, effort: float
) -> Float[np.ndarray, "prompts horizon"]:
    """Competence 0 until `effort` tokens before the end, near 1 from there on.

    The opening varies by class, and is a real number: the token that it cuts is competent in part.
    """
    low, high = LATE_COMPETENCE
    shift = START_SPREAD * horizon * np.linspace(-1.0, 1.0, CLASSES)
    opened = np.arange(1, horizon + 1) - (horizon - effort + shift[classes, None])
    competent = low + (high - low) * unevenness(horizon)[classes]
    return competent * np.clip(opened, 0.0, 1.0)


def early_attempt(
    classes: Int[np.ndarray, " prompts"], symbols: int, horizon: int, effort: float
) -> Float[np.ndarray, "prompts horizon"]:
    """Competences uneven over the first 2k tokens, around `effort` logits; 0 from there on."""
    length = min(2 * symbols, horizon)
    logits = effort + LOGIT_SPREAD * (2.0 * unevenness(length)[classes] - 1.0)
    competence = np.zeros((len(classes), horizon))
    competence[:, :length] = 1.0 / (1.0 + np.exp(-logits))
    return competence


@jax.jit
def mean_return(
    task: PlantedTask,
    prompts: Int[Array, "prompts k"],
    competence: Float[Array, "prompts horizon"],
) -> Float[Array, ""]:
    """Mean return of the procedural policy over the prompts (tokens)."""
    return jnp.mean(return_law(procedural_policy(task, prompts, competence)).mean)


def base_competence(
    task: PlantedTask,
    prompts: Int[Array, "prompts k"],
    family: str,
    *,
    horizon: int,
    mean_share: float = 0.4,
) -> Float[Array, "prompts horizon"]:
    """Competences of a family, matched so that all prompts together return mean_share * horizon.

    Family "high" makes one real attempt, in the first 2k tokens, and then relies on chance: returns
    are near the horizon or small. Family "low" waits, and then completes the block almost surely in
    a late window: returns are near their mean. The rule depends on the task, the family, the
    horizon and the share only, so that training and held-out prompts share it.

    Args:
      task: the task.
      prompts: one prompt a row.
      family: "low" or "high".
      horizon: H, at which the mean is matched (truncation changes it, family by family).
      mean_share: mean return over all V^k prompts, as a share of H.

    Raises:
      ValueError: an unknown family, or a mean that chance alone exceeds, or that no competence of
        this family reaches.
    """
    if family not in FAMILIES:
        raise ValueError(f"planted base: unknown family {family!r}, not one of {FAMILIES}")
    if family == "low":
        schedule, margin = late_window, START_SPREAD * horizon
        least, most = -margin, horizon + margin
    else:
        schedule, least, most = early_attempt, -LOGIT_RANGE, LOGIT_RANGE
    everything = all_prompts(task)
    classes = schedule_class(everything)

    def share(effort: float) -> float:
        competence = jnp.asarray(schedule(classes, task.symbols, horizon, effort), float)
        return float(mean_return(task, everything, competence)) / horizon

    lowest, highest = share(least), share(most)
    setting = f"planted base: at k = {task.symbols}, V = {task.vocabulary}, H = {horizon}"
    if lowest > mean_share:
        raise ValueError(
            f"{setting} chance alone returns {lowest:.3f} H, more than {mean_share:g} H"
        )
    if highest < mean_share:
        raise ValueError(
            f"{setting} family {family!r} returns at most {highest:.3f} H, less than "
            f"{mean_share:g} H"
        )
    effort = root_scalar(
        lambda effort: share(effort) - mean_share, bracket=(least, most), xtol=1e-10
    ).root
    rows = schedule(schedule_class(prompts), task.symbols, horizon, float(effort))
    return jnp.asarray(rows, float)


def planted_base(
    task: PlantedTask,
    prompts: Int[Array, "prompts k"],
    family: str,
    *,
    horizon: int,
    mean_share: float = 0.4,
) -> AutomatonPolicy:
    """The base policy of a family on the given prompts; arguments as in `base_competence`.

    Example:
      >>> import jax
      >>> from verigap.sim.planted import draw_task, planted_base
      >>> from verigap.sim.planted.task import all_prompts
      >>> task = draw_task(jax.random.key(0), symbols=2, vocabulary=4)
      >>> base = planted_base(task, all_prompts(task), "low", horizon=8)
      >>> base.token_probabilities.shape
      (16, 8, 3, 4)
    """
    competence = base_competence(task, prompts, family, horizon=horizon, mean_share=mean_share)
    return procedural_policy(task, prompts, competence)
