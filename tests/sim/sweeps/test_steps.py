"""A sweep tells from its first step on how long it will take."""

from verigap.sim.sweeps import run_in_memory, sweep_from
from verigap.storage.progress import Progress

CONFIG = {
    "replicates": 4,
    "learners": ["vf-mle"],
    "sweeps": [
        {
            "name": "two-level",
            "law": {"family": "two-level"},
            "expert": "hardest",
            "horizon": 16,
            "log2_class_size": 8,
            "grid": {"data_budget": [8, 16]},
        },
        {
            "name": "quantised",
            "law": {"family": "returns", "returns": [[0, 0, 1], [0, 0.5, 1]]},
            "horizon": 16,
            "data_budget": 8,
            "grid": {"log2_class_size": [2, 3, 4, 5, 6]},
        },
        {
            "name": "hard",
            "game": "hard-prompts",
            "horizon": 16,
            "c0": 0.5,
            "log2_class_size": 4,
            "grid": {"data_budget": [80, 90]},
        },
    ],
}


def test_every_step_is_told_and_none_is_left_over() -> None:
    told: list[Progress] = []
    run = run_in_memory(sweep_from(CONFIG), report=told.append)
    assert len(run.rows()) == 9
    assert [each.doing for each in told if each.doing] == [
        "laws", "laws", "compiling experts", "compiling a game",
        # A population is played four cells at a time.
        "compiling a game", "playing on a population",
        "compiling hard prompts", "hard prompts",
    ]  # fmt: skip
    assert all(each.eta and each.share is not None for each in told[:-1])
    shares = [each.share or 0.0 for each in told]
    assert shares == sorted(shares)
    assert [each.done for each in told if not each.doing] == [2, 6, 7, 8, 9]
    # What was planned is what was done.
    assert (told[-1].done, told[-1].eta, told[-1].share) == (9, 0.0, 1.0)
