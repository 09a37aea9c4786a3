"""From what people and datasets call a language to its one code.

`eng`, `EN-us`, `en_US.UTF-8`, `English` and `<|en|>` are all `en`: the shortest code of ISO 639,
without region and script. Results, normalisers and prompts go by it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from langcodes import Language, standardize_tag
from langcodes.tag_parser import LanguageTagError

UNKNOWN = "und"
"""What ISO 639-2 calls a language that is not known."""

NO_LANGUAGE = frozenset({UNKNOWN, "mul", "mis", "zxx"})
"""Codes of ISO 639-2 that say that there is no one language, or none that is known."""

ALSO = {"nb": "no"}
"""Codes that say the same: Norwegian is written in Bokmål unless Nynorsk (`nn`) is said."""

_NAMES = """
af afrikaans; sq albanian; am amharic; ar arabic; hy armenian; as assamese; ast asturian; az
azerbaijani; ba bashkir; eu basque; be belarusian; bn bengali; bs bosnian; br breton; bg
bulgarian; my burmese; yue cantonese; es castilian; ca catalan; ceb cebuano; zh chinese; hr
croatian; cs czech; da danish; nl dutch; en english; eo esperanto; et estonian; fo faroese;
fa farsi; fil filipino; fi finnish; nl flemish; fr french; fy frisian; ff fula; gl galician;
lg ganda; ka georgian; de german; el greek; gu gujarati; ht haitian; ht haitian creole; ha
hausa; haw hawaiian; he hebrew; hi hindi; hu hungarian; is icelandic; ig igbo; id
indonesian; ga irish; it italian; ja japanese; jv javanese; kea kabuverdianu; kam kamba; kn
kannada; kk kazakh; km khmer; rw kinyarwanda; ko korean; ku kurdish; ky kyrgyz; lo lao; la
latin; lv latvian; lb letzeburgesch; ln lingala; lt lithuanian; lg luganda; luo luo; lb
luxembourgish; mk macedonian; mg malagasy; ms malay; ml malayalam; mt maltese; zh mandarin;
mi maori; mr marathi; ro moldavian; ro moldovan; mn mongolian; my myanmar; ne nepali; nso
northern sotho; no norwegian; ny nyanja; nn nynorsk; oc occitan; or odia; or oriya; om
oromo; pa panjabi; ps pashto; fa persian; pl polish; pt portuguese; pa punjabi; ps pushto;
ro romanian; ru russian; sa sanskrit; sr serbian; sn shona; sd sindhi; si sinhala; si
sinhalese; sk slovak; sl slovenian; so somali; ckb sorani; ckb sorani kurdish; es spanish;
su sundanese; sw swahili; sv swedish; fil tagalog; tg tajik; ta tamil; tt tatar; te telugu;
th thai; bo tibetan; tr turkish; tk turkmen; uk ukrainian; umb umbundu; ur urdu; ug uyghur;
uz uzbek; ca valencian; vi vietnamese; cy welsh; wo wolof; xh xhosa; yi yiddish; yo yoruba;
zu zulu
"""
"""English names, as Whisper's tokenizer and well-known corpora have them."""

NAMES = {" ".join(name): code for code, *name in map(str.split, _NAMES.split(";"))}


@lru_cache(maxsize=4096)
def language_of(tag: str) -> str | None:
    """Return the code of the language that a tag or an English name means, None where it is none.

    Args:
        tag: ISO 639-1, -2 or -3, BCP 47, a locale, an English name, or a token of Whisper.

    >>> [language_of(tag) for tag in ("deu", "iw", "fil", "pt-BR", "zh_CN", "Chinese", "cmn")]
    ['de', 'he', 'fil', 'pt', 'zh', 'zh', 'zh']
    >>> language_of("klingonish") is language_of("und") is None
    True
    """
    name = tag.strip().lower().removeprefix("<|").removesuffix("|>")
    # Behind it a locale names an encoding, and a corpus a region: "en_US.UTF-8", "Chinese (China)".
    name = re.split("[.@(]", name)[0].strip().replace("_", "-")
    if code := NAMES.get(name.replace("-", " ")):
        return code
    try:
        found = Language.get(standardize_tag(name, macro=True))
    except LanguageTagError:
        return None
    code = found.language
    if code is None or not code.isalpha() or code in NO_LANGUAGE:
        return None
    if not Language.make(language=code).is_valid():
        return None
    return ALSO.get(code, code)


def required_language(tag: str) -> str:
    """Return the code of the language that somebody asks for.

    Raises:
        ValueError: If it is none.
    """
    code = language_of(tag)
    if code is None:
        raise ValueError(
            f"'{tag}' is no language; give a code of ISO 639 or a tag of BCP 47, such as en, deu, "
            f"fil or pt-BR"
        )
    return code
