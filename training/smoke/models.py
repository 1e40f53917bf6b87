"""Tiny models of real families, built by Tunix."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import qwix
from flax import nnx
from tunix.models.dummy_model_creator import create_dummy_model

# The family that reads each template.
FAMILIES = {"gemma": "gemma3", "llama3": "llama3", "qwen3": "qwen3"}

_SIZES = {"num_layers": 2, "embed_dim": 64, "hidden_dim": 128, "num_heads": 4, "head_dim": 16, "num_kv_heads": 1}
_SLIDING_WINDOW = 64
_EMBEDDINGS = 512
# The projections that LoRA adapts, by the names that Tunix's three families give them.
_ADAPTED = (
    ".*q_einsum|.*kv_einsum|.*attn_vec_einsum|.*q_proj|.*k_proj|.*v_proj|.*o_proj|.*gate_proj|.*up_proj|.*down_proj"
)
LORA_RANK = 8


def embeddings(vocabulary: int) -> int:
    """How many embeddings a tiny model has for so many tokens: a multiple, so that what was compiled is used again."""
    return -(-vocabulary // _EMBEDDINGS) * _EMBEDDINGS


def tiny_model(family: str, vocabulary: int, seed: int = 0) -> nnx.Module:
    """A float32 model of about 100,000 weights, all of them random.

    Tunix's own constructors leave the feed-forward kernels at zero: trained from there most of a network never
    moves, and its loss falls all the same.
    """
    if family == "gemma3":
        from tunix.models.gemma3 import model as gemma3

        config: Any = gemma3.ModelConfig(num_embed=vocabulary, sliding_window_size=_SLIDING_WINDOW, **_SIZES)
        kind: Any = gemma3.Gemma3
    elif family == "qwen3":
        from tunix.models.qwen3 import model as qwen3

        config = qwen3.ModelConfig(vocab_size=vocabulary, rope_theta=10_000, norm_eps=1e-6, **_SIZES)
        kind = qwen3.Qwen3
    elif family == "llama3":
        from tunix.models.llama3 import model as llama3

        config = llama3.ModelConfig(vocab_size=vocabulary, rope_theta=10_000, norm_eps=1e-5, **_SIZES)
        kind = llama3.Llama3
    else:
        raise ValueError(f"{family}: not one of {', '.join(FAMILIES.values())}")
    model: nnx.Module = create_dummy_model(kind, config, dtype=jnp.float32, random_seed=seed, scale=0.02)
    if family != "gemma3":
        # What is random there is also the weight of each normalisation, of which Gemma's is added to one and the
        # others' is not: with 0.02 in its place hardly anything passes.
        state = nnx.state(model, nnx.Param)
        nnx.update(model, jax.tree.map(lambda leaf: jnp.ones_like(leaf) if leaf.ndim == 1 else leaf, state))
    return model


def with_lora(model: Any) -> nnx.Module:
    """The model with adapters of rank `LORA_RANK`; only they will be trained."""
    provider = qwix.LoraProvider(module_path=_ADAPTED, rank=LORA_RANK, alpha=float(2 * LORA_RANK))

    @nnx.jit
    def adapt(base: Any) -> Any:
        # Adapters are initialised at random: a stream of their own, so that they are the same in every run.
        return qwix.apply_lora_to_model(base, provider, rngs=nnx.Rngs(0), **base.get_model_input())

    adapted: nnx.Module = adapt(model)
    return adapted
