"""What whisper.cpp calls the tensors of a Whisper: OpenAI's names."""

from __future__ import annotations

WHOLE = {
    "encoder.embed_positions.weight": "encoder.positional_embedding",
    "encoder.layer_norm.weight": "encoder.ln_post.weight",
    "encoder.layer_norm.bias": "encoder.ln_post.bias",
    "decoder.embed_tokens.weight": "decoder.token_embedding.weight",
    "decoder.embed_positions.weight": "decoder.positional_embedding",
    "decoder.layer_norm.weight": "decoder.ln.weight",
    "decoder.layer_norm.bias": "decoder.ln.bias",
}
IN_LAYERS = {
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "self_attn_layer_norm": "attn_ln",
    "encoder_attn.q_proj": "cross_attn.query",
    "encoder_attn.k_proj": "cross_attn.key",
    "encoder_attn.v_proj": "cross_attn.value",
    "encoder_attn.out_proj": "cross_attn.out",
    "encoder_attn_layer_norm": "cross_attn_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "final_layer_norm": "mlp_ln",
}


def ggml_name(name: str) -> str:
    """Return the name of a tensor, given Transformers' below `model.`.

    >>> ggml_name("decoder.layers.3.encoder_attn.q_proj.weight")
    'decoder.blocks.3.cross_attn.query.weight'
    >>> ggml_name("encoder.conv1.bias")
    'encoder.conv1.bias'
    """
    if name in WHOLE:
        return WHOLE[name]
    half, _, rest = name.partition(".layers.")
    if not rest:
        return name
    number, _, inner = rest.partition(".")
    module, _, parameter = inner.rpartition(".")
    return f"{half}.blocks.{number}.{IN_LAYERS[module]}.{parameter}"
