"""What the number of a setting counts, for docs/configuration.md; the rest is in tables.py."""

from __future__ import annotations

from collections.abc import Mapping

UNITS: Mapping[str, str] = {
    "batch_size": "clips",
    "cache_gb": "GB",
    "epochs_per_cycle": "passes",
    "eval_fraction": "fraction",
    "gradient_accumulation_steps": "forward passes",
    "interpolate": "fraction of the way",
    "keep_top_percent": "percent",
    "learning_rate": "per step",
    "limit": "samples",
    "lora_alpha": "factor × rank",
    "lora_rank": "dimensions",
    "lr_decay_per_cycle": "factor per cycle",
    "max_grad_norm": "L2 norm",
    "max_new_tokens": "tokens",
    "max_tokens_per_second": "tokens per second",
    "max_verifier_failures": "fraction",
    "min_kept": "clips",
    "num_cycles": "cycles",
    "patience": "cycles",
    "reward_threshold": "reward, 0 to 1",
    "samples_per_prompt": "hypotheses",
    "save_every": "minutes",
    "seed": "number",
    "skip_solved": "cycles",
    "split_seed": "number",
    "steps_per_cycle": "steps",
    "temperature": "factor",
    "top_k": "tokens",
    "top_p": "probability",
    "verifier_timeout": "seconds",
    "warmup_steps": "steps",
    "weight_decay": "per step, × learning rate",
    "wer_threshold": "fraction",
}
"""By the setting's name."""
