"""Each replicate plays on a prompt of its own, and the population is averaged over evenly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verigap.sim.relabelling.game import stack_games
from verigap.sim.relabelling.plans import SWEEP, plan_for
from verigap.sim.relabelling.simulate import _prompt_order as prompt_order
from verigap.sim.relabelling.simulate import simulate_cells


def drawn(seed: int, replicates: int, prompts: int) -> list[int]:
    order = prompt_order(jax.random.key(seed), replicates, prompts)
    return np.asarray(order(jnp.arange(replicates, dtype=jnp.uint32))).tolist()


def test_whole_rounds_visit_every_prompt_as_often() -> None:
    assert sorted(drawn(0, 12, 4)) == sorted(list(range(4)) * 3)


def test_the_last_round_is_drawn_without_replacement() -> None:
    seen = set()
    for seed in range(200):
        turn = drawn(seed, 6, 4)
        assert sorted(turn[:4]) == [0, 1, 2, 3]
        seen.add(tuple(sorted(turn[4:])))
    # Every pair, and not only neighbours.
    assert seen == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
    assert len({drawn(seed, 1, 4)[0] for seed in range(50)}) == 4


@pytest.mark.long
def test_total_variance_has_the_differences_between_prompts() -> None:
    atoms = np.asarray([[0.0, 64.0], [32.0, 32.0]])
    game = stack_games(
        [atoms], horizon=[64], data_budget=[4], log2_class_size=[20], class_radius=[1.0],
        expert_radius=[1.0], leash=[1.0], num_candidates=[2], failure_probability=[0.05],
    )  # fmt: skip
    plan = plan_for(
        (2, 2), learners=("vf-bayes",), replicates=64, expert_radius=1.0, data_budget=4,
        log2_class_size=20.0, accuracy=SWEEP,
    )  # fmt: skip
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(jax.random.key(0), jnp.arange(1))
    found = simulate_cells(keys, game, plan)["vf-bayes"]
    # Cloning loses nothing on the flat prompt, and nearly 32 on the other.
    between = (float(found.mean[0])) ** 2
    assert float(found.total_variance[0]) == pytest.approx(
        float(found.variance[0]) * 62 / 63 + between * 64 / 63, rel=1e-6
    )
