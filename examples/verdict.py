"""From sampled answers of a language model to two decisions: how to select, and what to train."""

from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import verigap as vg  # noqa: E402

traces = vg.read_traces(Path(__file__).parent / "smollm2_products.parquet")
report = vg.diagnose(traces, "report", horizons=[64], data_budgets=[16, 64])
for group in report.content["groups"]:
    for name in ("select", "train"):
        print(f"{name}: {group[name]['decision']['accuracy']['sentence']}")
print("the whole report:", report.files[0])
