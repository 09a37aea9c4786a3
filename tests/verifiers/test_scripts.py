"""`words-1` in many scripts: what sounds alike in writing is alike, and one wrong letter is not.

A row has the language, a reference, other ways to write it, and texts that say something else.
"""

import pytest

from audioforge_verifiers.normalizers import get_normalizer

SCRIPTS = [
    ("hi", "वह किताब पढ़ती है", ["वह किताब पढ़ती है।"], ["वह किताब पढ़ता है", "वह कताब पढ़ती है"]),
    ("mr", "मी घरी जातो", ["मी घरी जातो!"], ["मी घरि जातो", "म घर जत"]),
    (
        "ne",
        "म १२ वटा किताब पढ्छु",
        ["म 12 वटा किताब पढ्छु"],
        ["म १३ वटा किताब पढ्छु", "म १२ वटा किताब पढछु"],
    ),
    ("bn", "আমি ভাত খাই", ["আমি ভাত খাই।"], ["আমা ভাত খাই", "আম ভত খই"]),
    ("bn", "হঠাৎ বৃষ্টি", ["হঠাত্\u200d বৃষ্টি"], ["হঠাত বৃষ্টি"]),
    ("pa", "ਮੈਂ ਘਰ ਜਾਂਦਾ ਹਾਂ", ["ਮੈਂ ਘਰ ਜਾਂਦਾ ਹਾਂ।"], ["ਮੈ ਘਰ ਜਾਂਦਾ ਹਾਂ", "ਮੈਂ ਘਰ ਜਾਦਾ ਹਾਂ"]),
    ("gu", "હું શાળાએ જાઉં છું", ["હું શાળાએ જાઉં છું."], ["હુ શાળાએ જાઉં છું", "હું શાળઆએ જાઉં છું"]),
    ("ta", "எனக்கு தண்ணீர் வேண்டும்", ["எனக்கு, தண்ணீர் வேண்டும்."], ["எனக்கு தண்ணீர் வேண்டாம்"]),
    ("ta", "கொடு", ["க\u0bc6\u0bbeடு"], ["கேடு", "கோடு"]),
    ("te", "నేను బడికి వెళ్తాను", ["నేను బడికి వెళ్తాను."], ["నేను బడికి వెళ్తను", "నెను బడికి వెళ్తాను"]),
    ("kn", "ನಾನು ಶಾಲೆಗೆ ಹೋಗುತ್ತೇನೆ", ["ನಾನು ಶಾಲೆಗೆ ಹೋಗುತ್ತೇನೆ।"], ["ನಾನು ಶಾಲಗೆ ಹೋಗುತ್ತೇನೆ"]),
    ("ml", "അവൻ വീട്ടിൽ", ["അവന്\u200d വീട്ടില്\u200d"], ["അവന വീട്ടിൽ", "അവൾ വീട്ടിൽ"]),
    ("si", "ශ්‍රී ලංකාව", ["ශ්රී ලංකාව"], ["ශ්‍රි ලංකාව"]),
    ("th", "เขาไปตลาดเช้านี้", ["เขา ไป ตลาด เช้านี้"], ["เขาไปตลาดเช้านั้น", "เขาไปตลาดเชานี้"]),
    ("lo", "ຂ້ອຍໄປຕະຫຼາດ", ["ຂ້ອຍ ໄປ ຕະຫຼາດ"], ["ຂອຍໄປຕະຫຼາດ", "ຂ້ອຍໄປຕະຫລາດ"]),
    ("km", "ខ្ញុំទៅផ្សារ", ["ខ្ញុំ\u200bទៅ\u200bផ្សារ។"], ["ខ្ញំទៅផ្សារ", "ខញុំទៅផ្សារ"]),
    ("my", "ကျွန်တော်သွားမယ်", ["ကျွန်တော် သွားမယ်။"], ["ကျွန်တော်သွာမယ်", "ကျွန်တောသွားမယ်"]),
    (
        "zh",
        "今天下午的会议改到三点",
        ["今天 下午 的 会议 改到 三点。", "今天下午的会议，改到三点"],
        ["今天下午的会议改到四点"],
    ),
    ("zh", "我有ＡＢ１２", ["我有ab 12", "我 有 AB 1 2"], ["我有ac12", "我有ab13"]),
    ("yue", "我哋去食飯", ["我哋 去食飯！"], ["我地去食飯"]),
    (
        "ja",
        "駅前の本屋で待っています",
        ["駅前の本屋で、待っています。"],
        ["駅前の本屋で待っていました"],
    ),
    ("ja", "ガソリン", ["ｶﾞｿﾘﾝ", "カ\u3099ソリン"], ["カソリン", "がそりん"]),
    (
        "ko",
        "저는 학교에 갑니다",
        ["저는 학교에 갑니다", "저는 학교에 갑니다!"],
        ["저는 학교에 감니다"],
    ),
    ("ar", "كتب الولد", ["كتـــب الولد", "ﻛﺘﺐ الولد", "كتب الولد؟"], ["كتاب الولد", "كَتَبَ الولد"]),
    ("ar", "في ٢٥ يوما", ["في 25 يوما"], ["في ٢٦ يوما"]),
    ("fa", "می‌خواهم کتاب", ["میخواهم كتاب", "مي‌خواهم کتاب"], ["می‌خواهد کتاب"]),
    ("fa", "سال ۱۴۰۲", ["سال 1402"], ["سال ۱۴۰۳"]),
    ("ur", "میں گھر ہوں", ["ميں گھر ہوں۔"], ["میں گھر ہے"]),
    ("he", "צה״ל הודיע", ['צה"ל הודיע', "צה״ל, הודיע"], ["צהל הודיעו", "צה ל הודיע"]),
    ("he", "ג׳ירפה", ["ג'ירפה", "ג’ירפה"], ["גירפה"]),
    (
        "el",
        "Ο δρόμος της Αθήνας",
        ["ο δρόμοσ της αθήνας", "Ο δρόμος, της Αθήνας;"],
        ["ο δρομος της Αθήνας"],
    ),
    (
        "ru",
        "Ёжик идёт домой",
        ["ЁЖИК ИДЁТ ДОМОЙ", "Ежик идёт домой".replace("Е", "Е\u0308")],
        ["йожик идёт домой"],
    ),
    ("uk", "п’ять м'ячів", ["п'ять мʼячів", "П＇ять м‘ячів."], ["пять м'ячів"]),
    ("bg", "Добър ден", ["добър ден!"], ["добар ден"]),
    ("sr", "Љубав и Џеп", ["љубав и џеп"], ["лјубав и џеп"]),
    ("hr", "Džep i njegova", ["ǅep i ǌegova", "DŽEP I NJEGOVA"], ["dzep i njegova"]),
    (
        "tr",
        "Işık İstanbul'da",
        ["IŞIK İSTANBUL’DA", "ışık istanbul'da"],
        ["işik istanbul'da", "ışık ıstanbul'da"],
    ),
    ("az", "İKİ qız", ["iki qız"], ["ıkı qız"]),
    (
        "de",
        "Fünf Bäume, die Straße",
        ["fünf bäume die strasse", "Fu\u0308nf Ba\u0308ume – die STRASSE"],
        ["funf Bäume die Straße"],
    ),
    ("fr", "L’école de l'été", ["l'e\u0301cole de l‘été"], ["l'ecole de l'été", "lécole de l'été"]),
    (
        "es",
        "¿Dónde está el niño?",
        ["dónde está el niño"],
        ["donde está el niño", "dónde está el nino"],
    ),
    ("pt", "Não, guarda-chuva", ["não guarda chuva"], ["nao guarda chuva"]),
    ("ca", "la col·lecció", ["la coŀlecció", "LA COL•LECCIÓ"], ["la collecció"]),
    ("it", "Perché c’è un po’", ["perché c'è un po'"], ["perche c'è un po"]),
    ("nl", "'s Avonds de ĳs", ["’s avonds de ijs"], ["s avonds de js"]),
    ("pl", "Zażółć gęślą jaźń!", ["ZAŻÓŁĆ GĘŚLĄ JAŹŃ"], ["zazolc gęślą jaźń"]),
    ("cs", "Příliš žluťoučký kůň", ["Pr\u030ci\u0301liš žluťoučký kůň"], ["příliš žlutoučký kůň"]),
    ("hu", "Tizenöt fűzfa", ["tizeno\u0308t fűzfa"], ["tizenöt füzfa"]),
    ("ro", "Știu și țara", ["S\u0326tiu și țara"], ["stiu și țara"]),
    (
        "vi",
        "Tôi yêu hòa bình, quý bạn",
        ["tôi yêu hoà bình quý bạn"],
        ["tôi yêu hóa bình quý bạn", "toi yêu hòa bình quý bạn"],
    ),
    ("am", "ሰላም፡ለዓለም", ["ሰላም ለዓለም።"], ["ሰላም ለአለም"]),
    ("ka", "გამარჯობა", ["ᲒᲐᲛᲐᲠᲯᲝᲑᲐ"], ["გამარჯობო"]),
    ("hy", "Ի՞նչ ես անում", ["ինչ ես անում", "Ինչ ԵՍ անում։"], ["ինչ եմ անում"]),
    ("hy", "և եկավ", ["եւ եկավ"], ["ե եկավ"]),
    ("bo", "བོད་སྐད", ["བོད སྐད།"], ["བད་སྐད"]),
    ("yo", "ọjọ́ dára", ["o\u0323jo\u0323\u0301 dára"], ["ojo dára"]),
    ("haw", "Hawaiʻi", ["hawai‘i", "Hawai'i"], ["hawaii"]),
]


@pytest.mark.parametrize(("language", "reference", "alike", "different"), SCRIPTS)
def test_one_text_one_writing(language, reference, alike, different):
    normalizer = get_normalizer("words-1")
    right = normalizer.reference(reference, language)
    assert right
    for text in alike:
        assert normalizer.hypothesis(text, language) == right
    for text in different:
        assert normalizer.hypothesis(text, language) != right


def test_there_are_many_languages():
    assert len({language for language, *_ in SCRIPTS}) >= 25


@pytest.mark.parametrize(
    ("language", "pointed", "plain"),
    [
        ("ar", "كَتَبَ الوَلَدُ دَرْسًا", "كتب الولد درسا"),
        ("ar", "مُحَمَّدٌ سَأَلَ عَنِ القُرْآنِ", "محمد سأل عن القرآن"),
        ("he", "שָׁלוֹם עֲלֵיכֶם", "שלום עליכם"),
        ("he", "הַבַּ֖יִת", "הבית"),
    ],
)
def test_vowel_points_go_by_choice_only(language, pointed, plain):
    kept, gone = get_normalizer("words-1"), get_normalizer("words-1-unpointed")
    assert kept.hypothesis(pointed, language) != kept.reference(plain, language)
    assert gone.hypothesis(pointed, language) == gone.reference(plain, language) == plain
    hindi = "वह किताब पढ़ती है"
    assert gone.hypothesis(hindi, "hi") == kept.hypothesis(hindi, "hi")  # vowels, not points


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200bb\u00adc\u2060d\ufeffe", "abcde"),
        ("\u202eright\u202c to left", "right to left"),
        ("na\u034fme\ufe0f", "name"),
        ("👍🏽 ok 1️⃣ ♪", "ok 1"),
        ("a\u00a0b\u3000c\u2003d\te\nf\x1fg", "a b c d e f g"),
        ("ＦＵＬＬ　ｗｉｄｔｈ！１２", "full width 1 2"),
        ("well-known – co‑op", "well known co op"),
        ("'quoted' ‘rock ’n’ roll’", "quoted rock n roll"),
        ("\u0301lone mark", "lone mark"),
        ("mp3 b2b", "mp 3 b 2 b"),
    ],
)
def test_what_is_not_said_is_not_there(text, expected):
    assert get_normalizer("words-1").hypothesis(text) == expected


@pytest.mark.parametrize(
    ("text", "look_alike"), [("paypal", "pаypаl"), ("один", "oдин"), ("Alpha", "Αlpha")]
)
def test_letters_of_another_script_are_wrong_letters(score, text, look_alike):
    assert score("wer", text, look_alike, normalizer="words-1").reward == 0.0
