"""Values of arms that learn, on prompts that were held out, and what their training adds to chance.

Resampling prompts shows how much a mean over prompts moves with the prompts that are valued, not
how much it moves with those that were trained on. The two halves of a split show the latter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float


class HeldOut(NamedTuple):
    """The value of a learned arm.

    Attributes:
      values: of each prompt, the mean over the splits that held it out.
      shifts: one number for each pair of splits that swap their halves: the mean over prompts moves
        with the training prompts by about as much, with either sign.
    """

    values: Float[np.ndarray, "*n P"]
    shifts: Float[np.ndarray, "*n pairs"]

    @classmethod
    def of(
        cls, values: Float[np.ndarray, "*n splits P"], held_out: Bool[np.ndarray, "splits P"]
    ) -> HeldOut:
        """Mean over splits, and the shifts.

        What a learner owes to its training half differs from what it owes to all prompts by as much
        as the mean of a random half differs from that of all, which is as much as the mean of all
        prompts differs from that of the population. So half the difference of the two members of a
        pair, in values less the mean over splits, has the variance that training adds.

        Args:
          values: of each prompt in each split; what stands where it was not held out is not used.
          held_out: which prompts each split held out; the splits 2i and 2i + 1 swap their halves.
        """
        used = np.where(held_out, values, 0.0)
        mean = used.sum(axis=-2) / held_out.sum(axis=0)
        beyond = np.where(held_out, values - mean[..., None, :], 0.0)
        by_split = beyond.sum(axis=-1) / held_out.sum(axis=1)
        # One part in splits/2 of the mean is the split's own; the other pairs cancel.
        others = 1.0 - 2.0 / len(held_out) if len(held_out) > 2 else 1.0
        return cls(mean, (by_split[..., ::2] - by_split[..., 1::2]) / (2.0 * others))
