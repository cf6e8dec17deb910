"""A Whisper of one layer with random weights, in CTranslate2's form: it loads, and writes nonsense.

Its vocabulary is Whisper's special tokens and the 256 bytes. No checkpoint of anybody's is in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ctranslate2.specs import whisper_spec
from tokenizers import Tokenizer, decoders, models
from tokenizers.pre_tokenizers import ByteLevel

WIDTH, INNER, BANDS = 32, 64, 80
SPECIAL = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>"),
    *("<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
    *(f"<|{step * 0.02:.2f}|>" for step in range(1501)),
)


def write_tiny_whisper(folder: Path) -> Path:
    """``folder``, with the model, its vocabulary and its tokenizer in it."""
    tokenizer = Tokenizer(
        models.BPE(vocab={c: n for n, c in enumerate(sorted(ByteLevel.alphabet()))}, merges=[])
    )
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    spec = _spec(tokenizer.get_vocab_size())
    spec.register_vocabulary([t for t, _ in sorted(tokenizer.get_vocab().items(), key=_number)])
    spec.config.suppress_ids = spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokenizer.token_to_id("<|en|>"), tokenizer.token_to_id("<|de|>")]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def _number(item):
    return item[1]


def _spec(words):
    rng = np.random.default_rng(0)

    def weights(*shape):
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)

    def norm(part):
        part.gamma, part.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def linear(part, rows, columns):
        part.weight, part.bias = weights(rows, columns), weights(rows)

    def attention(part, *sizes):
        norm(part.layer_norm)
        for one, rows in zip(part.linear, sizes, strict=True):
            linear(one, rows * WIDTH, WIDTH)

    def inner(part):
        norm(part.layer_norm)
        linear(part.linear_0, INNER, WIDTH)
        linear(part.linear_1, WIDTH, INNER)

    spec = whisper_spec.WhisperSpec(1, 2, 1, 2)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weights(WIDTH, BANDS, 3), weights(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = weights(WIDTH, WIDTH, 3), weights(WIDTH)
    encoder.position_encodings.encodings = weights(1500, WIDTH)
    decoder.embeddings.weight = decoder.projection.weight = weights(words, WIDTH)
    decoder.position_encodings.encodings = weights(448, WIDTH)
    decoder.scale_embeddings = False
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in (*encoder.layer, *decoder.layer):
        attention(layer.self_attention, 3, 1)
        inner(layer.ffn)
    for layer in decoder.layer:
        attention(layer.attention, 1, 2, 1)
    return spec
