"""What the keys of a run folder's JSON mean: docs/run-folder.md is written from here.

A test holds these against what runs write. Rates are fractions, never percent.
"""

from __future__ import annotations

from collections.abc import Mapping

Keys = Mapping[str, str]
"""The meaning of each key. One in angle brackets stands for names that the run decides; one that
ends with a question mark need not be there."""

SUMMARY: Keys = {
    "task": "asr, classification or tts",
    "metric": "name of the metric that decides; base, cycles and best have a key of this name",
    "metric_is_rewarded": "whether hypotheses are selected by what measures them",
    "higher_is_better": "whether a higher value of the metric is better",
    "model": "the base checkpoint, as it was named",
    "parent": "the finished run that this one continues; null of one that began anew",
    "dataset": "the training data, as they were named",
    "eval_dataset": "the held-out data",
    "selection": "what a cycle learns from, as it was named",
    "verifiers": "weight of each verifier in the reward, by its id",
    "seed": "seed of the run",
    "normalizer": "name and version of the text normaliser",
    "languages": "of each dataset by its role and name: clips by language, and how that is known",
    "explanation": "what explains a bad base measure; null where nothing was looked for",
    "learnability": "what the base model's hypotheses offered; null where references are learnt",
    "base": "the untouched model: an evaluation",
    "cycles": "each trained cycle: an evaluation, its rewards and its update",
    "candidates": "the models between base and best cycle: an evaluation, and whether one may win",
    "best": "what was exported",
    "improved": "whether it is better than the base outside the 95 % interval",
    "reason": "why it was exported",
    "advice": "what to try where nothing improved, from the figures; empty where it did",
    "selected_on_same_data": "whether no independent test set confirms the choice",
    "test": "base and exported model on the test set; null without one",
    "overlaps": "clips that a measured set shares with one that it should not",
    "stopped_early": "why the run ended before its last cycle; null if it did not",
    "accepted_changes": "what changed before the run was resumed, and was accepted",
    "skipped": "how many clips were left out, by role and name of the dataset",
    "seconds": "time of the whole run, in seconds",
}

DECODED: Keys = {
    "decoding": "how outputs were decoded: greedy, or greedy with temperature fallback",
    "fell_back?": "outputs that were drawn again or taken for silence; of temperature fallback",
    "runaway": "outputs that repeat themselves, or that a length limit ended",
    "without_runaway?": "each corpus metric of the other utterances, where any output runs away",
}

EVALUATION: Keys = {
    "metric": "name of the metric that decides",
    "<metric>": "each corpus metric by its name, such as wer and cer; null where not measurable",
    "ci95": "95 % interval of the metric that decides: [low, high]",
    "interval": "what was resampled: unit, speakers, without_speaker",
    "n": "utterances that were decoded",
    "measured": "utterances that the metric is of",
    "total": "utterances of the set",
    "cut": "outputs that a length limit ended, not the model",
    "style?": "shares of transcripts, as written, that hold capitals, small_letters and "
    "punctuation; null where none could",
    **DECODED,
    "counted?": "utterances by metric, where metrics are of different ones",
    "by_language?": "the metrics by language, where there are several",
    "retention": "the same of each retention set, by its name",
    "difference_ci95?": "95 % interval of this minus the base, paired; not of the base",
    "difference_ci95_without_runaway?": "the same, without what runs away of this or of the base",
}

CYCLE: Keys = {
    "cycle": "number, from 1",
    "lost": "retention sets that got worse outside the interval",
    "reward": "mean over all hypotheses that have one; null if none has",
    "reward_std": "mean over clips of the standard deviation of the clip's rewards",
    "frac_reward_zero_std": "share of clips whose rewards are all equal",
    "hypotheses": "hypotheses that were drawn",
    "hypotheses_cut": "how many of these a length limit ended, not the model",
    "unscored": "hypotheses without a reward",
    "rewards": "of each verifier by its id: mean and std over the hypotheses that it gave a reward",
    "lengths": "mean, min and max of the hypotheses' tokens; null where not known",
    "reward_threshold": "reward from which a hypothesis could be kept, as lowered by min_kept",
    "resting": "clips that were not sampled, since all was right before",
    "kept": "hypotheses that were learnt from",
    "steps": "steps of the optimiser",
    "loss": "mean loss over the steps, in nats per token",
    "first_loss": "loss of the first step",
    "last_loss": "loss of the last step",
    "grad_norm": "mean norm of the gradients before clipping",
    "learning_rate": "rate of the cycle",
    "seconds": "seconds by stage: rollout, verify, update, evaluate",
    "peak_memory?": "most memory that the main process had taken by then, in bytes",
    "peak_device_memory?": "most memory of tensors on its accelerator by then, in bytes",
}

BEST: Keys = {
    "cycle": "number of the cycle; 0 is the base",
    "interpolation": "how far on the line from the base (0) to the cycle (1)",
    "<metric>": "the metric that decides, on held-out data",
    "ci95": "95 % interval of the metric: [low, high]",
    "n": "utterances that were decoded",
    **DECODED,
    "difference_ci95": "95 % interval of this minus the base",
    "interval": "what was resampled",
    "checkpoint": "path of the model in the run folder",
    "dtype": "type of its weights, which were rounded to it before they were measured",
    "adapter?": "path of the low-rank update alone, where that is exported, too",
    "rejected?": "the best candidate, where it did not replace the base; null where there was none",
}

ROLLOUT: Keys = {
    "id": "id of the sample",
    "cycle": "number, from 1",
    "reference": "transcript, or text to speak; null where not known",
    "audio_filepath": "absolute path of the clip, or its id where it came without a file; null of "
    "a text without sound",
    "duration?": "in seconds, where the data say so",
    "offset?": "start of the clip in its file, in seconds",
    "channel?": "channels of the file that the clip is of, from 0; all where it is not there",
    "speaker?": "who speaks, where known",
    "language?": "code of the language, where known",
    "hypotheses": "the k hypotheses, in the order of their index",
}

HYPOTHESIS: Keys = {
    "text?": "a transcript",
    "label?": "a class",
    "audio?": "path of generated sound in the run folder; null of sound without samples",
    "features?": "path of what the model wrote and the sound is made of, in the run folder",
    "logprob": "natural log-probability at temperature 1, summed over tokens; null where not known",
    "tokens": "number of tokens that logprob sums over",
    "cut?": "true where a length limit ended it, not the model",
    "reward": "in [0, 1]; null where no verifier could judge or one failed",
    "kept": "whether it was learnt from; null until that is known",
    "scores": "each verifier's score, by the verifier's id",
}

SCORE: Keys = {
    "reward": "in [0, 1]; null where the verifier could not judge",
    "passed": "whether its threshold is met; null where it does not say",
    "metrics": "measurements by name, unclipped",
    "error?": "why the verifier failed",
}

PREDICTION: Keys = {
    "id": "id of the sample",
    "audio_filepath": "absolute path of the clip, or its id where it came without a file",
    "duration": "in seconds; of the generated sound for text to speech",
    "text": "what is right: transcript, text to speak, or labels joined by |",
    "pred_text?": "what the model said: transcript or label",
    "pred_audio?": "path of generated sound beside the file",
    "offset?": "start of the clip in its file, in seconds",
    "channel?": "channels of the file that the clip is of, from 0; all where it is not there",
    "speaker?": "who speaks, where known",
    "language?": "code of the language, where known",
    "metadata?": "what else the data say of the clip, where that is a short text or a number",
    "cut?": "true where a length limit ended the output, not the model",
    "runaway?": "true where the output repeats itself, or a length limit ended it",
    "temperature?": "at which temperature fallback drew it; not of a greedy output",
    "no_speech?": "true where temperature fallback took the clip for silent",
    "substitutions?": "words said instead of others, once normalised; of a task with transcripts",
    "deletions?": "words of the reference that were not said",
    "insertions?": "words that were said besides",
    "reference_words?": "words of the normalised reference; a WER divides by their sum",
    "reference_units?": "the same of a script without spaces: its characters, and words of others",
    "normalizer?": "name and version of the text normaliser that these were counted under",
    "correct?": "of a task with labels: whether the label is right",
    "measured?": "[numerator, denominator] of each corpus metric; the sums' ratio is the metric",
    "words?": "with --word-times: word, start and end in seconds of each",
}

STEP: Keys = {
    "step": "number in its cycle, from 1",
    "loss": "in nats per token",
    "grad_norm": "norm of all gradients before clipping",
    "learning_rate": "rate that the optimiser used",
}


def undescribed(found: Mapping[str, object], *described: Keys) -> set[str]:
    """Return the keys of an object that nothing describes, and those that are missing from it.

    >>> sorted(undescribed({"step": 1, "new": 2}, {"step": "number", "loss": "in nats", "x?": ""}))
    ['loss', 'new']
    """
    known = {key: text for keys in described for key, text in keys.items()}
    required = {key for key in known if not key.endswith("?") and not key.startswith("<")}
    allowed = {key.removesuffix("?") for key in known}
    if any(key.startswith("<") for key in known):  # the run's own names
        return required - found.keys()
    return (found.keys() - allowed) | (required - found.keys())
