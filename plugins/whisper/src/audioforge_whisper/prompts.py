"""The tokens that tell Whisper what to do: `<|startoftranscript|><|en|><|transcribe|>…`."""

from __future__ import annotations

from typing import Any

from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

from audioforge.errors import ConfigError, did_you_mean
from audioforge.languages.tags import language_of

LANGUAGES = tuple(TO_LANGUAGE_CODE.values())
"""Codes of the languages that the newest checkpoints have a token for."""

MULTILINGUAL_VOCABULARY = 51_865
"""Vocabularies from this size on have room for the language tokens' use (OpenAI's own rule)."""

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Written without spaces between words, so that a transcript does not begin with one."""


OF_OTHER_SEARCHES = (
    *("temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff"),
    *("eta_cutoff", "early_stopping", "length_penalty", "num_return_sequences"),
    *("output_attentions", "output_hidden_states", "output_scores", "output_logits"),
    *("cache_implementation", "watermarking_config", "compile_config"),
)
"""Settings of sampling, of beams, and of `generate` itself: Transformers refuses to save them in a
configuration that decodes greedily."""


def complete_generation_config(config: Any, tokenizer: Any, model_config: Any) -> None:
    """Fill in what older checkpoints lack and make explicit what would be guessed.

    What is set here is saved with the checkpoint, so that a plain Transformers pipeline prompts and
    decodes as the adapter does. The pipeline would otherwise search with five beams.
    """
    vocabulary = tokenizer.get_vocab()
    for name in OF_OTHER_SEARCHES:
        if getattr(config, name, None) is not None:
            setattr(config, name, None)
    config.num_beams = 1
    config.do_sample = False
    config.return_timestamps = False
    for name in ("decoder_start_token_id", "eos_token_id"):
        if getattr(config, name, None) is None:
            setattr(config, name, getattr(model_config, name))
    if config.max_length is None and config.max_new_tokens is None:
        config.max_length = model_config.max_target_positions
    if getattr(config, "no_timestamps_token_id", None) is None:
        config.no_timestamps_token_id = vocabulary["<|notimestamps|>"]
    if getattr(config, "is_multilingual", None) is None:
        config.is_multilingual = (
            hasattr(config, "lang_to_id") or model_config.vocab_size >= MULTILINGUAL_VOCABULARY
        )
    holders = (config, model_config)
    forced = next((f for f in (getattr(h, "forced_decoder_ids", None) for h in holders) if f), ())
    config.forced_decoder_ids = None  # the old way to say what the next lines say
    if not config.is_multilingual:
        return
    if not getattr(config, "lang_to_id", None):
        tokens = [f"<|{code}|>" for code in TO_LANGUAGE_CODE.values()]
        config.lang_to_id = {token: vocabulary[token] for token in tokens if token in vocabulary}
    if not getattr(config, "task_to_id", None):
        tasks = ("transcribe", "translate")
        config.task_to_id = {task: vocabulary[f"<|{task}|>"] for task in tasks}
    config.task = "transcribe"
    if getattr(config, "language", None) is None:
        languages = {number: token for token, number in config.lang_to_id.items()}
        config.language = languages.get(dict(forced).get(1))  # position 1 follows the start token


class Prompts:
    """The prompts of one checkpoint.

    Args:
        generation_config: As `complete_generation_config` leaves it.

    Attributes:
        start: The token that begins every prompt.
        no_speech: The token that says that nobody speaks, where the transcript would begin.
        multilingual: Whether the prompt names language and task.
        known_languages: The languages that the model knows, in the order of `languages`, as ISO 639
            calls them.
        default: The language that the checkpoint transcribes when nobody says another; None when
            it is to be detected.
    """

    def __init__(self, generation_config: Any) -> None:
        self.start: int = generation_config.decoder_start_token_id
        self.multilingual: bool = generation_config.is_multilingual
        self._no_timestamps: int = generation_config.no_timestamps_token_id
        self.no_speech = self._no_timestamps - 1  # Transformers' rule, of every vocabulary
        self._tokens: dict[str, int] = {}
        if self.multilingual:
            self._transcribe: int = generation_config.task_to_id["transcribe"]
            self._tokens = {
                token.strip("<|>"): number for token, number in generation_config.lang_to_id.items()
            }
        # Whisper calls some languages otherwise: jw is Javanese (jv), tl Tagalog (fil).
        self.known_languages = tuple(language_of(code) or code for code in self.languages)
        self._codes = dict(zip(self.known_languages, self.languages, strict=True))
        self.default = self.code(generation_config.language) if self.multilingual else "en"

    @property
    def languages(self) -> list[str]:
        """The codes of the languages that the model knows; English only has just "en"."""
        return list(self._tokens) if self.multilingual else ["en"]

    @property
    def language_tokens(self) -> list[int]:
        """The language tokens, in the order of `languages`; none for English-only models."""
        return list(self._tokens.values())

    @property
    def length(self) -> int:
        """Number of tokens in every prompt."""
        return 4 if self.multilingual else 2

    def code(self, language: str | None) -> str | None:
        """Return the model's code for "en", "eng", "EN-us", "English" or "<|en|>", or None."""
        return None if language is None else self._codes.get(language_of(language) or language)

    def required_code(self, language: str) -> str:
        """Return the model's code for the language that a user asked for.

        Raises:
            ConfigError: If the model does not know it.
        """
        code = self.code(language)
        if code is None and not self.multilingual:
            raise ConfigError(
                [
                    f"language: the model is English-only and cannot transcribe '{language}'. "
                    f"Leave the language out, or choose a multilingual checkpoint."
                ]
            )
        if code is None:
            raise ConfigError(
                [
                    f"language: the model has no '{language}'. "
                    f"{did_you_mean(language, self.languages)}"
                ]
            )
        return code

    def prompt(self, language: str) -> list[int]:
        """Return the prompt for a transcript in a language, without timestamps."""
        if not self.multilingual:
            return [self.start, self._no_timestamps]
        return [self.start, self._tokens[language], self._transcribe, self._no_timestamps]
