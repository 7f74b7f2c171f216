"""A sweep without a configuration file, its table, its check, and its plot."""

import jax

jax.config.update("jax_enable_x64", True)

import verigap as vg  # noqa: E402

run = vg.sweep(
    {
        "seed": 1,
        "replicates": 100,
        "learners": ["vf-mle", "vb-plug-in"],
        "sweeps": [
            {
                "name": "price-of-not-verifying",
                "zip": {"horizon": [16, 32, 64], "data_budget": [16, 32, 64]},
                "log2_class_size": 12,
                "expert": "hardest",
            }
        ],
    }
)
print(run.frame.select("horizon", "learner", "risk", "leashed_risk"))
print("every bound holds:", vg.check(run).ok)
run.plot().savefig("risks.png")
