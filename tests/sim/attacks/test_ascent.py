"""The ascent: it climbs, stays in its ranges, keeps whole numbers whole, and follows its key."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verigap.sim.attacks import REGIMES, SPACES
from verigap.sim.attacks.ascent import Climbed, climb
from verigap.sim.attacks.regimes import ranges_in
from verigap.theory import BOUNDS

SPACE, BOUND = SPACES["erring-check"], BOUNDS["VB-UPPER-ERRORS"]


def climbed(seed: int, regime: str = "anywhere", steps: int = 60) -> Climbed:
    ranges = ranges_in(SPACE, REGIMES[regime])
    share = jnp.asarray(REGIMES[regime].share_of_stake)
    return climb(
        jax.random.key(seed), jnp.asarray(ranges), share, bound=BOUND, space=SPACE, starts=6,
        steps=steps,
    )  # fmt: skip


@pytest.mark.long
def test_it_climbs_within_its_ranges() -> None:
    ends, started = climbed(0), climbed(0, steps=1)
    assert (np.asarray(ends.closeness) >= np.asarray(started.closeness)).all()
    assert ends.closeness.max() > 0.999 > started.closeness.max()
    for regime in ("anywhere", "small n", "rare success"):
        found = climbed(1, regime)
        ranges = np.asarray(ranges_in(SPACE, REGIMES[regime]))
        slack = 1e-12 * ranges[:, 1]
        values = np.asarray(found.values)
        assert (values >= ranges[:, 0] - slack).all()
        assert (values <= ranges[:, 1] + slack).all()
        whole = [parameter.whole for parameter in SPACE.parameters]
        numbers = values[:, whole]
        np.testing.assert_array_equal(numbers, np.round(numbers))


@pytest.mark.long
def test_the_key_decides() -> None:
    np.testing.assert_array_equal(climbed(2).values, climbed(2).values)
    assert not np.array_equal(climbed(2).values, climbed(3).values)
