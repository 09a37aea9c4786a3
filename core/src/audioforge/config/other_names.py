"""What other trainers call what is here called otherwise: a sentence that names ours.

TRL's and Transformers' trainers are what most people have used before.
"""

from __future__ import annotations

from collections.abc import Collection

from audioforge.errors import UsageError

_CONFIG = "AudioRAFTConfig"
_TRAIN = "AudioRAFTTrainer(config).train(dataset, eval_dataset=…)"

_SENTENCES = {
    "model": "The checkpoint is `model_name`, a hub id or a folder.",
    "model_name_or_path": "The checkpoint is `model_name`, a hub id or a folder.",
    "args": f"Every setting is a keyword of {_CONFIG}, which AudioRAFTTrainer takes first.",
    "reward_funcs": "Rewards are `verifier`: names and functions, as in verifier=['wer', short].",
    "reward_weights": "A weight stands beside its verifier: {'name': short, 'weight': 0.5}.",
    "train_dataset": f"Data go to {_TRAIN}; a name or path may also be `dataset`.",
    "processing_class": "The adapter reads features and tokenizer from the checkpoint.",
    "tokenizer": "The adapter reads features and tokenizer from the checkpoint.",
    "data_collator": "The adapter makes the batches.",
    "compute_metrics": "What is measured is a verifier's; `metric` chooses the one that decides.",
    "peft_config": "LoRA is trainable='lora', with `lora_rank` and `lora_alpha`.",
    "report_to": "What shows the run elsewhere is `log_with`; a function hears of it as "
    "AudioRAFTTrainer(config, on_metrics=…).",
    "callbacks": "Functions hear of a run as AudioRAFTTrainer(config, on_metrics=…, "
    "on_utterances=…); plugins as `log_with`.",
    "num_generations": "Hypotheses per clip are `samples_per_prompt`.",
    "per_device_train_batch_size": "Clips per forward pass are `batch_size`.",
    "per_device_eval_batch_size": "Clips per forward pass are `batch_size`, when measuring too.",
    "num_train_epochs": "Sampling and learning alternate `num_cycles` times; within one, "
    "`epochs_per_cycle` passes are learnt.",
    "max_steps": "Steps of the optimiser are `steps_per_cycle`.",
    "max_completion_length": "The longest hypothesis is `max_new_tokens`.",
    "bf16": "Precision is dtype='bfloat16'.",
    "fp16": "Precision is dtype='bfloat16'; float16 is not offered.",
    "save_steps": "A resume point is saved every `save_every` minutes.",
    "logging_steps": "Every step is written to steps.jsonl of its cycle.",
    "beta": "There is no KL term: `interpolate` and `retention_dataset` hold a model near its "
    "base.",
    "resume_from_checkpoint": "A run goes on by AudioRAFTTrainer.resume(folder).train(…).",
    "hub_model_id": "`best/` of the run folder is a Hugging Face checkpoint; upload it with `hf`.",
    "push_to_hub": "`best/` of the run folder is a Hugging Face checkpoint; upload it with `hf`.",
}


def meant(name: str) -> str | None:
    """Return the sentence that says what a name of another trainer is called here.

    >>> meant("num_generations")
    'Hypotheses per clip are `samples_per_prompt`.'

    Args:
        name: The keyword or key, as the user wrote it.

    Returns:
        None for a name that no other trainer is known to have.
    """
    return _SENTENCES.get(name)


def refuse_unknown(what: str, names: Collection[str]) -> None:
    """Refuse keywords that a function or class does not take.

    Raises:
        UsageError: If there are any, with what each is called here where that is known.
    """
    if names:
        sentences = (f"{what} has no {name}. {meant(name) or ''}".strip() for name in sorted(names))
        raise UsageError("\n".join(sentences))
