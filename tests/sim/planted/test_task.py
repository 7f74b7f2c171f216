"""The planted game's verifier agrees with string search, and its prompts are split cleanly."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sim.planted import brute_force as brute
from tests.statistics import assert_fits
from verigap.sim.planted.task import (
    PlantedTask,
    all_prompts,
    blocks,
    draw_task,
    first_correct,
    prefix_rewards,
    returns,
    split_prompts,
)
from verigap.theory.rewards import is_bilevel

BATCH = 8


def plain_task(symbols: int, vocabulary: int) -> PlantedTask:
    return PlantedTask(jnp.arange(vocabulary, dtype=jnp.int32), symbols)


def tokens(vocabulary: int, length: int) -> st.SearchStrategy[list[list[int]]]:
    row = st.lists(st.integers(0, vocabulary - 1), min_size=length, max_size=length)
    return st.lists(row, min_size=BATCH, max_size=BATCH)


@given(
    shape=st.sampled_from([(1, 3, 5), (2, 2, 8), (3, 2, 9), (4, 2, 3)]),
    data=st.data(),
)
def test_the_verifier_agrees_with_string_search(shape, data) -> None:
    symbols, vocabulary, horizon = shape
    code = data.draw(st.permutations(range(vocabulary)))
    task = PlantedTask(jnp.asarray(code, jnp.int32), symbols)
    prompts = data.draw(tokens(vocabulary, symbols))
    drawn = data.draw(tokens(vocabulary, horizon))
    wanted = [[code[x] for x in prompt] for prompt in prompts]
    hit = np.asarray([brute.first_correct(*pair) for pair in zip(wanted, drawn, strict=True)])
    arguments = (task, jnp.asarray(prompts, jnp.int32), jnp.asarray(drawn, jnp.int32))
    np.testing.assert_array_equal(first_correct(*arguments), hit)
    rewards = prefix_rewards(*arguments)
    np.testing.assert_array_equal(rewards, np.arange(1, horizon + 1) >= hit[:, None])
    np.testing.assert_array_equal(returns(*arguments), np.asarray(rewards).sum(axis=1))
    assert bool(is_bilevel(rewards.astype(jnp.int32)).all())


@pytest.mark.parametrize(
    ("block", "trace", "hit"),
    [
        ("aab", "aaab", 4),
        ("aab", "abaab", 5),
        ("aa", "baab", 3),
        ("aa", "abab", 5),
        ("aba", "aababa", 4),
        ("ab", "ab", 2),
        ("aba", "ab", 3),
    ],
)
def test_blocks_that_overlap_themselves(block: str, trace: str, hit: int) -> None:
    task = plain_task(len(block), 2)
    prompt, row = (jnp.asarray([["ab".index(c) for c in s]], jnp.int32) for s in (block, trace))
    assert int(first_correct(task, prompt, row)[0]) == hit


def test_a_block_is_the_code_of_its_prompt() -> None:
    task = PlantedTask(jnp.asarray([2, 0, 1], jnp.int32), 2)
    assert blocks(task, jnp.asarray([[0, 0], [1, 2]])).tolist() == [[2, 2], [0, 1]]
    assert task.vocabulary == 3


def test_any_integer_dtype_of_traces_will_do() -> None:
    task = plain_task(2, 4)
    for dtype in (jnp.int8, jnp.int32, jnp.int64):
        trace = jnp.asarray([[0, 3, 1, 1]], dtype)
        assert float(returns(task, jnp.asarray([[3, 1]]), trace)[0]) == 2.0


def test_codes_are_uniform_permutations() -> None:
    keys = jax.random.split(jax.random.key(1), 12_000)
    codes = np.asarray(jax.vmap(lambda key: draw_task(key, 2, 3).code)(keys))
    numbers = codes @ np.asarray([9, 3, 1])
    orders = [9 * a + 3 * b + c for a, b, c in itertools.permutations(range(3))]
    counts = np.asarray([(numbers == order).sum() for order in orders])
    assert counts.sum() == len(codes)
    assert_fits(stats.chisquare(counts), "hidden maps")


def test_all_prompts_are_listed_once() -> None:
    listed = np.asarray(all_prompts(plain_task(3, 4))).tolist()
    assert [tuple(row) for row in listed] == list(itertools.product(range(4), repeat=3))


def test_a_split_shares_no_prompt_and_loses_none() -> None:
    task = plain_task(2, 5)
    train, held_out = split_prompts(jax.random.key(2), task, 7)
    assert (train.shape, held_out.shape) == ((18, 2), (7, 2))
    together = sorted(map(tuple, [*train.tolist(), *held_out.tolist()]))
    assert together == sorted(map(tuple, all_prompts(task).tolist()))
    other, _ = split_prompts(jax.random.key(3), task, 7)
    assert sorted(other.tolist()) != sorted(train.tolist())


@pytest.mark.parametrize("held_out", [0, 25, -1])
def test_a_split_leaves_neither_part_empty(held_out: int) -> None:
    with pytest.raises(ValueError, match="both parts need one"):
        split_prompts(jax.random.key(0), plain_task(2, 5), held_out)


@pytest.mark.parametrize(("symbols", "vocabulary"), [(0, 4), (2, 1)])
def test_a_task_needs_symbols_and_tokens(symbols: int, vocabulary: int) -> None:
    with pytest.raises(ValueError, match="planted task"):
        draw_task(jax.random.key(0), symbols, vocabulary)
