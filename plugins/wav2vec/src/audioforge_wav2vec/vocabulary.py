"""Texts as the characters that a model writes, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from transformers import Wav2Vec2CTCTokenizer

from audioforge_wav2vec.spelling import Spelling


class Vocabulary:
    """The characters of a CTC model, with the tokens that are none; `Spelling` has the rules.

    Args:
        tokenizer: Tokenizer of the checkpoint.
        outputs: Number of the model's outputs: as many as the tokenizer has tokens, or more.

    Attributes:
        blank: Id of the token that CTC puts between others.
        delimiter: Id of the token between words; None where the model writes none.
        marks: Ids of the tokens that are no text, such as the one for unknown characters.
    """

    def __init__(self, tokenizer: Wav2Vec2CTCTokenizer, outputs: int) -> None:
        """Sort out which tokens are text."""
        self._tokenizer = tokenizer
        # Not get_vocab(): it adds sentence marks that the model may have no output for.
        vocabulary = tokenizer.encoder
        self.blank: int = vocabulary[tokenizer.pad_token]
        self.delimiter: int | None = vocabulary.get(tokenizer.word_delimiter_token)
        marks = (tokenizer.unk_token, tokenizer.bos_token, tokenizer.eos_token)
        self.marks = tuple(sorted({vocabulary[mark] for mark in marks if mark in vocabulary}))
        other = (self.blank, self.delimiter, *self.marks)
        self._spelling = Spelling(
            {t: n for t, n in vocabulary.items() if len(t) == 1 and n not in other}
        )
        self._written = [tokenizer.unk_token] * outputs
        for token, number in vocabulary.items():
            self._written[number] = token
        if self.delimiter is not None:
            self._written[self.delimiter] = tokenizer.replace_word_delimiter_char

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of collapsed tokens, as Transformers' `decode` writes it.

        Its `decode` looks up the special tokens anew for every character, which takes longer than
        drawing the path did.
        """
        text = "".join([self._written[token] for token in tokens]).strip()
        if self._tokenizer.do_lower_case:
            text = text.lower()
        if self._tokenizer.clean_up_tokenization_spaces:
            text = self._tokenizer.clean_up_tokenization(text)
        return text

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text that has no unknown characters."""
        return self._spell(text)[0]

    def unknown_characters(self, text: str) -> Counter[str]:
        """Count the characters of a text that the model cannot spell."""
        return self._spell(text)[1]

    def words(self, text: str) -> list[tuple[str, list[int]]]:
        """Return each word of a text with its tokens; words without any are left out."""
        spelt = [(word, self.tokens(word)) for word in text.split()]
        return [(word, tokens) for word, tokens in spelt if tokens]

    def _spell(self, text: str) -> tuple[list[int], Counter[str]]:
        words, unknown = self._spelling.words(text)
        between = [] if self.delimiter is None else [self.delimiter]
        tokens = [token for word in words for token in [*between, *word]]
        return tokens[len(between) :], unknown
