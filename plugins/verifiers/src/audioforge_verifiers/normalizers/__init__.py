"""Text normalisers: what is done to reference and hypothesis before they are compared.

A normaliser has its version in its name, and its name in every result: a rule that changes makes a
new name, so that two results with one name were measured alike.

`english-1`: English; see `english_1`.
`words-1`: any other language; see `words_1`.
`words-1-unpointed`: the same without the vowel points of Arabic and Hebrew.
`by-language-1`: each clip by its own language, `english-1` or `words-1`.
`whisper-english`, `whisper-basic`: those of Whisper, as Transformers has them.
`none`: the raw text; words are what blanks separate.
"""

from audioforge_verifiers.normalizers.normalizer import NAMES, Normalizer, get_normalizer

__all__ = ["NAMES", "Normalizer", "get_normalizer"]
