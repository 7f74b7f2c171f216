"""A language model of two layers with random weights, and a real tokenizer of 18 tokens."""

from __future__ import annotations

from pathlib import Path

import torch  # pyright: ignore[reportMissingImports]
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # pyright: ignore[reportMissingImports]
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # pyright: ignore[reportMissingImports]

# As the byte-level alphabet writes them: Ġ is a space, Ċ a line break, Ã and © are halves of é.
ALPHABET = ("<eos>", "<unk>", *"0123456789", "=", "Ġ", "Ċ", "Ã", "©", "is")
LIMIT = 256


def save_tiny(folder: Path, seed: int = 0) -> Path:
    """Save model and tokenizer as a folder that `from_pretrained` takes."""
    vocabulary = {token: index for index, token in enumerate(ALPHABET)}
    vocabulary |= {"i": len(vocabulary), "s": len(vocabulary) + 1}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("i", "s")], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<eos>", unk_token="<unk>"
    )
    wrapped.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=LIMIT,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
