"""Small random checkpoints of real open_clip architectures, laid out as open_clip reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from retrieval.encoders.torchvision_compat import declare_missing_operators

DIMENSION = 24
EOS = 49407  # of CLIP's own tokenizer
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
VIT = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16}
WORDS = [
    "a",
    "the",
    "dog",
    "cat",
    "in",
    "snow",
    "bear",
    "two",
    "people",
    "bicycle",
    "tax",
    "return",
]
HF_TEXT = {"vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
HF_TEXT |= {"intermediate_size": 48, "max_position_embeddings": 40, "pad_token_id": 1}

# Each is the ``model_cfg`` of an open_clip_config.json, as small as the architecture allows.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "vit": {"vision_cfg": VIT, "text_cfg": TEXT},
    "vit-quick-gelu": {"vision_cfg": VIT, "text_cfg": TEXT, "quick_gelu": True},
    "convnext": {
        "vision_cfg": {
            "timm_model_name": "test_convnext",
            "timm_pool": "",
            "timm_proj": "linear",
            "image_size": 64,
        },
        "text_cfg": TEXT,
    },
    "modified-resnet": {
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 32},
        "text_cfg": TEXT,
    },
    "coca": {
        "vision_cfg": {
            **VIT,
            "attentional_pool": True,
            "attn_pooler_heads": 2,
            "output_tokens": True,
        },
        "text_cfg": {**TEXT, "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": {
            "context_length": 16,
            "vocab_size": 49408,
            "width": 32,
            "heads": 2,
            "layers": 1,
        },
        "custom_text": True,
    },
    "siglip": {
        "vision_cfg": {
            "timm_model_name": "test_vit",
            "timm_pool": "map",
            "timm_proj": "none",
            "image_size": 160,
        },
        "text_cfg": {
            **TEXT,
            "vocab_size": 40,
            "hf_tokenizer_name": "tokenizer",
            "tokenizer_kwargs": {"clean": "canonicalize"},
            "no_causal_mask": True,
            "pool_type": "last",
            "proj_bias": True,
        },
        "custom_text": True,
        "init_logit_bias": -10,
    },
    "hugging-face-mean": {
        "vision_cfg": VIT,
        "text_cfg": {
            "hf_model_name": "roberta",
            "hf_tokenizer_name": "tokenizer",
            "hf_proj_type": "mlp",
            "hf_pooler_type": "mean_pooler",
            "context_length": 16,
        },
    },
    "hugging-face-cls": {
        "vision_cfg": VIT,
        "text_cfg": {
            "hf_model_name": "bert",
            "hf_tokenizer_name": "tokenizer",
            "hf_proj_type": "linear",
            "hf_pooler_type": "cls_pooler",
            "context_length": 16,
        },
    },
    "custom-blocks": {
        "vision_cfg": {**VIT, "qk_norm": True, "scale_attn": True, "pool_type": "avg"},
        "text_cfg": {
            **TEXT,
            "qk_norm": True,
            "scale_fc": True,
            "pool_type": "eos",
            "eos_id": 49407,
        },
    },
}
PREPROCESS = {
    "siglip": {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"},
    "convnext": {"interpolation": "bilinear", "resize_mode": "longest"},
}
EMBEDDING_WIDTH = {"siglip": 64}  # without a projection it is the trunk's


def tokenizer_save(folder: Path) -> None:
    """A word tokenizer in the format of transformers, made without the network."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {word: index for index, word in enumerate([*specials, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    words = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", **words
    )
    wrapped.save_pretrained(folder)


def checkpoint(folder: Path, name: str) -> dict[str, Any]:
    """Writes a random checkpoint of ``ARCHITECTURES[name]`` as open_clip's local-dir wants it.

    Answers its ``open_clip_config.json``.
    """
    declare_missing_operators()
    import open_clip

    folder.mkdir(parents=True)
    model_cfg = json.loads(json.dumps(ARCHITECTURES[name]))
    model_cfg["embed_dim"] = EMBEDDING_WIDTH.get(name, DIMENSION)
    text_cfg = model_cfg["text_cfg"]
    if "hf_tokenizer_name" in text_cfg:
        tokenizer_save(folder / "tokenizer")
        tokenizer_save(folder)  # where open_clip itself looks
    if kind := text_cfg.get("hf_model_name"):
        (folder / "text").mkdir()
        (folder / "text" / "config.json").write_text(json.dumps({"model_type": kind, **HF_TEXT}))
        text_cfg["hf_model_name"] = str(folder / "text")
    config = {"model_cfg": model_cfg, "preprocess_cfg": PREPROCESS.get(name, {})}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(7)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_text=False)
    with torch.no_grad():
        for parameter in model.parameters():  # some of open_clip's start as zeros, or as nothing
            noise = torch.randn_like(parameter)
            flat = parameter.ndim < 2
            parameter.copy_(1 + noise * 0.1 if flat else noise * parameter[0].numel() ** -0.5)
    state = {key: value.contiguous().clone() for key, value in model.state_dict().items()}
    save_file(state, str(folder / "model.safetensors"))
    return config
