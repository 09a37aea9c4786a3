"""English words that have more than one written form, and the form that `english-1` takes."""

from __future__ import annotations

import json
from importlib import resources

FILLERS = frozenset("uh uhh uhm um umm erm er mm mmm mhm hm hmm hmmm".split())

# Not spelt by the rules of `english_contractions`.
CONTRACTIONS = {
    "ain't": "aint",
    "can't": "can not",
    "d'you": "do you",
    "let's": "let us",
    "ma'am": "madam",
    "o'clock": "oclock",
    "shan't": "shall not",
    "won't": "will not",
    "y'all": "you all",
}
LEADING_APOSTROPHE = {
    "bout": "about",
    "cause": "because",
    "em": "them",
    "n": "and",
    "til": "until",
    "till": "until",
    "tis": "it is",
    "twas": "it was",
}
# After these 's is "is" or "has", never a possessive.
SUBJECTS = frozenset(
    "it he she that this there here what who where how when why everything something nothing "
    "anything".split()
)
# After 's, these show that it is "has"; after 'd, that it is "had".
HAS = frozenset("been had got gotten gone".split())
HAD = HAS | frozenset(
    "better done seen taken given written known grown thrown drawn flown shown eaten fallen "
    "forgotten spoken broken chosen driven begun drunk sung sworn worn torn lost left made said "
    "told thought brought bought caught taught heard found felt kept met paid sent built "
    "spent stood understood won".split()
)
# After a noun's 's, these show that it is "is": no possessor stands before them.
NO_POSSESSION = frozenset(
    "a an the not going here there so very too just already never always still in on at to from "
    "with about under over behind my your his our their this that these those no".split()
)

ABBREVIATIONS = {
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "prof": "professor",
    "capt": "captain",
    "lt": "lieutenant",
    "sgt": "sergeant",
    "jr": "junior",
    "sr": "senior",
    "asst": "assistant",
    "esq": "esquire",
    "blvd": "boulevard",
    "hwy": "highway",
    "approx": "approximately",
    "dept": "department",
    "govt": "government",
    "etc": "et cetera",
    "vs": "versus",
    "feb": "february",
    "aug": "august",
    "sept": "september",
    "oct": "october",
    "nov": "november",
}
# Words of their own unless a full stop follows and the sentence goes on: "Rep. Smith".
DOTTED = {
    "assoc": "associate",
    "col": "colonel",
    "dec": "december",
    "fig": "figure",
    "ft": "fort",
    "gen": "general",
    "gov": "governor",
    "hon": "honorable",
    "inc": "incorporated",
    "jan": "january",
    "mt": "mount",
    "pres": "president",
    "rep": "representative",
    "rev": "reverend",
    "sen": "senator",
    "vol": "volume",
}
# Saint or street, by what follows: a name, or how a sentence goes on after an address.
PLACES = {"st": ("saint", "street"), "ave": ("ave", "avenue")}
AFTER_ADDRESS = frozenset(
    "in and at to on near by is was or where for from with the apartment suite".split()
)

COLLOQUIAL = {
    "alright": "all right",
    "cannot": "can not",
    "coulda": "could have",
    "cuz": "because",
    "dunno": "do not know",
    "gimme": "give me",
    "gonna": "going to",
    "gotta": "got to",
    "imma": "i am going to",
    "kinda": "kind of",
    "lemme": "let me",
    "ok": "okay",
    "outta": "out of",
    "shoulda": "should have",
    "sorta": "sort of",
    "wanna": "want to",
    "woulda": "would have",
    "comin": "coming",
    "doin": "doing",
    "gettin": "getting",
    "goin": "going",
    "lookin": "looking",
    "makin": "making",
    "mornin": "morning",
    "nothin": "nothing",
    "runnin": "running",
    "sayin": "saying",
    "somethin": "something",
    "talkin": "talking",
    "tryin": "trying",
    "workin": "working",
    # Contractions without an apostrophe, where they are no other word.
    "arent": "are not",
    "cant": "can not",
    "couldnt": "could not",
    "didnt": "did not",
    "doesnt": "does not",
    "dont": "do not",
    "hadnt": "had not",
    "hasnt": "has not",
    "havent": "have not",
    "im": "i am",
    "isnt": "is not",
    "ive": "i have",
    "shouldnt": "should not",
    "thats": "that is",
    "theyre": "they are",
    "theyve": "they have",
    "wasnt": "was not",
    "werent": "were not",
    "weve": "we have",
    "wouldnt": "would not",
    "youre": "you are",
    "youve": "you have",
}

# Written apart, with a hyphen (which is a blank by now), or together.
JOINED = {
    ("any", "body"): "anybody",
    ("any", "one"): "anyone",
    ("any", "thing"): "anything",
    ("co", "operate"): "cooperate",
    ("co", "operation"): "cooperation",
    ("co", "ordinate"): "coordinate",
    ("co", "worker"): "coworker",
    ("co", "workers"): "coworkers",
    ("e", "mail"): "email",
    ("e", "mails"): "emails",
    ("every", "body"): "everybody",
    ("every", "one"): "everyone",
    ("every", "thing"): "everything",
    ("good", "bye"): "goodbye",
    ("o", "clock"): "oclock",
    ("o", "k"): "okay",
    ("ph", "d"): "phd",
    ("per", "cent"): "percent",
    ("some", "body"): "somebody",
    ("some", "one"): "someone",
    ("some", "thing"): "something",
    ("to", "morrow"): "tomorrow",
    ("to", "night"): "tonight",
    ("uh", "huh"): "uhhuh",
    ("uh", "oh"): "uhoh",
    ("web", "site"): "website",
    ("web", "sites"): "websites",
    ("wi", "fi"): "wifi",
    ("x", "ray"): "xray",
    ("x", "rays"): "xrays",
}
# Initials that are written together as often as apart or with full stops.
INITIALS = frozenset(
    "aids aka api atm bbc bmw cbs cd cds ceo cfo cia cnn cpu cto dc diy dj dna dvd dvds eu faq fbi "
    "fda gdp gop gps gpu hbo hiv html http ibm iq irs jfk mba mit mri mtv nba nbc nfl nhl nhs nsa "
    "nyc pc pdf phd pm pr qa suv tv tvs uae ufo uk url usa usb usd vip vp wwe www xp".split()
)


def spellings() -> dict[str, str]:
    """Return British spellings with their American ones (Whisper's table)."""
    table = resources.files("audioforge_verifiers") / "data" / "english_spelling.json"
    read: dict[str, str] = json.loads(table.read_text(encoding="utf-8"))
    return read
