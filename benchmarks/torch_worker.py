"""Times training steps of a GPT-2 in PyTorch on request; runs in .venv-torch, without JAX.

The sizes come as JSON on the command line. Every line read from stdin is a number of steps; every
line written is the seconds that they took, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> None:
    """Serve until stdin ends."""
    import torch  # pyright: ignore[reportMissingImports]
    from transformers import (  # pyright: ignore[reportMissingImports]
        GPT2Config,
        GPT2LMHeadModel,
    )

    sizes: dict[str, Any] = json.loads(sys.argv[1])
    torch.set_num_threads(sizes["threads"])
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=sizes["vocabulary"],
        n_positions=sizes["length"],
        n_embd=sizes["width"],
        n_layer=sizes["layers"],
        n_head=sizes["heads"],
        n_inner=sizes["expansion"] * sizes["width"],
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    tokens = torch.randint(0, sizes["vocabulary"], (sizes["batch"], sizes["length"]))

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        model(input_ids=tokens, labels=tokens).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({"parameters": parameters, "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main()
