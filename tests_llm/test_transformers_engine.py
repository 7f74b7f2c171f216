"""The transformers engine against the model itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch  # pyright: ignore[reportMissingImports]
from scipy import stats

from tests.statistics import assert_fits
from tests_llm.tiny import LIMIT, save_tiny
from verigap.llm_validation.sampling.engine import Decoding, EngineError, ModelSpec, Request
from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
from verigap.llm_validation.tasks.task import Message


@pytest.fixture(scope="module")
def engine(tiny: Path) -> TransformersEngine:
    return TransformersEngine.load(ModelSpec(str(tiny), "float32"))


def requests(engine: TransformersEngine, *texts: str, seed: int = 0) -> list[Request]:
    return [Request(engine.encode(text), seed + index) for index, text in enumerate(texts)]


def test_seeds_repeat_and_do_not_depend_on_the_batch(engine: TransformersEngine) -> None:
    batch = requests(engine, "12=", "3", "12=", "1 2 3 4 5 6 =", "12=")
    together = engine.generate(batch, Decoding(24))
    assert engine.generate(batch, Decoding(24)) == together
    assert len({done.tokens for done in together}) == 5
    for request, done in zip(batch, together, strict=True):
        (alone,) = engine.generate([request], Decoding(24))
        assert alone.tokens == done.tokens
        assert alone.text == done.text
        np.testing.assert_allclose(alone.logprobs, done.logprobs, atol=1e-4)


def test_lengths_and_ends(engine: TransformersEngine) -> None:
    counts: list[int] = []
    many = engine.generate(requests(engine, *["7="] * 64), Decoding(16), counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == sum(len(done.tokens) for done in many)
    assert {done.finished for done in many} == {True, False}
    for done in many:
        assert 1 <= len(done.tokens) <= 16
        assert len(done.logprobs) == len(done.tokens)
        assert done.finished == (done.tokens[-1] == 0)
        assert 0 not in done.tokens[:-1]
        assert done.finished or len(done.tokens) == 16
        assert "<eos>" not in done.text


def test_logprobs_are_those_of_the_model(engine: TransformersEngine) -> None:
    (request,) = requests(engine, "1=1 ")
    for temperature in (1.0, 0.5):
        (done,) = engine.generate([request], Decoding(12, temperature))
        ids = torch.tensor([request.prompt + done.tokens])
        logits = engine._model(input_ids=ids).logits[0].detach().float()
        logs = torch.log_softmax(logits, -1)[len(request.prompt) - 1 : -1]
        expected = logs[range(len(done.tokens)), list(done.tokens)]
        np.testing.assert_allclose(done.logprobs, expected.numpy(), atol=1e-4)


def test_temperature_zero_is_greedy(engine: TransformersEngine) -> None:
    batch = requests(engine, "12=", "3 is")
    for request, done in zip(batch, engine.generate(batch, Decoding(10, 0.0)), strict=True):
        theirs = engine._model.generate(
            input_ids=torch.tensor([request.prompt]),
            attention_mask=torch.ones(1, len(request.prompt), dtype=torch.long),
            do_sample=False,
            max_new_tokens=10,
            pad_token_id=0,
        )[0, len(request.prompt) :]
        assert done.tokens == tuple(theirs.tolist())


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_tokens_follow_the_models_law(engine: TransformersEngine, temperature: float) -> None:
    draws = 4000
    prompt = engine.encode("12=")
    many = engine.generate([Request(prompt, s) for s in range(draws)], Decoding(1, temperature))
    logits = engine._model(input_ids=torch.tensor([prompt])).logits[0, -1].detach().double()
    law = torch.softmax(logits / temperature, -1).numpy()
    observed = np.bincount([done.tokens[0] for done in many], minlength=law.size)
    rare = law * draws < 5
    if rare.any():
        observed = np.append(observed[~rare], observed[rare].sum())
        law = np.append(law[~rare], law[rare].sum())
    assert_fits(stats.chisquare(observed, law * draws), f"tokens at temperature {temperature}")


def test_half_characters_decode_without_harm(engine: TransformersEngine) -> None:
    tokens = engine.encode("1\u00e9")
    assert len(tokens) == 3
    assert engine.decode(tokens) == "1\u00e9"
    assert engine.decode(tokens[:2]) == "1\ufffd"


def test_chat_without_a_template_is_paragraphs(engine: TransformersEngine) -> None:
    asked = engine.chat([Message("user", "1"), Message("assistant", "2"), Message("user", "3")])
    assert asked == engine.encode("1\n\n2\n\n3\n\n")


def test_prompts_that_do_not_fit_are_refused(engine: TransformersEngine) -> None:
    with pytest.raises(EngineError, match=f"limit of {LIMIT}"):
        engine.generate(requests(engine, "1=" * 100), Decoding(LIMIT - 199))
    with pytest.raises(EngineError, match="no tokens"):
        engine.generate([Request((), 0)], Decoding(4))
    assert engine.generate([], Decoding(4)) == []


def test_the_fingerprint_is_that_of_the_weights(tiny: Path, tmp_path: Path) -> None:
    def fingerprint(folder: Path) -> str:
        return TransformersEngine.load(ModelSpec(str(folder))).identity["fingerprint"]

    assert fingerprint(save_tiny(tmp_path / "same")) == fingerprint(tiny)
    assert fingerprint(save_tiny(tmp_path / "other", seed=1)) != fingerprint(tiny)


def test_models_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "fake.gguf").write_bytes(b"nothing")
    (tmp_path / "short.gguf").write_bytes(b"GGUF")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text('{"model_type": "llama"}')
    for name, says in (
        ("fake.gguf", "is not a GGUF file"),
        ("short.gguf", "cannot be unpacked"),
        ("none.gguf", "no such file"),
        ("empty", "holds no config.json"),
        ("broken", "cannot be loaded as a model"),
        ("absent/model", "no such file or folder"),
    ):
        with pytest.raises(EngineError, match=says) as refusal:
            TransformersEngine.load(ModelSpec(str(tmp_path / name)))
        assert "\n" not in str(refusal.value)
    with pytest.raises(EngineError, match="dtype: "):
        TransformersEngine.load(ModelSpec("tiny", "int3"))
