"""English names of numbers, currencies and units: what `numbers.english` reads."""

from __future__ import annotations

ONES = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        range(1, 10),
        strict=True,
    )
)
UNDER_TWENTY = (
    {"zero": 0, "nought": 0}
    | ONES
    | dict(
        zip(
            [
                "ten",
                "eleven",
                "twelve",
                "thirteen",
                "fourteen",
                "fifteen",
                "sixteen",
                "seventeen",
                "eighteen",
                "nineteen",
            ],
            range(10, 20),
            strict=True,
        )
    )
)
TENS = dict(
    zip(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
        range(20, 100, 10),
        strict=True,
    )
) | {"fourty": 40}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ORDINAL_SCALES = {f"{name}th": value for name, value in SCALES.items()}
# Said for a zero, but only within a string of digits: "nine oh two", "double o seven".
LETTER_ZEROS = frozenset({"oh", "o"})
REPEATS = {"double": 2, "triple": 3}

_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def _ordinal(name: str) -> str:
    return _IRREGULAR_ORDINALS.get(name) or (
        f"{name[:-1]}ieth" if name.endswith("y") else f"{name}th"
    )


def _plural(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}{'es' if name[-1] == 'x' else 's'}"


ORDINALS = {_ordinal(name): value for name, value in (UNDER_TWENTY | TENS).items()}
ONES_ORDINALS = {_ordinal(name): value for name, value in ONES.items()}
# "the nineties", "two fives": the digits and an s.
PLURALS = {_plural(name): value for name, value in (UNDER_TWENTY | TENS).items()}

# Names of the parts that a fraction counts; "fourth" is said as well as "quarter".
DENOMINATORS = {
    2: "half",
    3: "third",
    4: "quarter",
    5: "fifth",
    6: "sixth",
    7: "seventh",
    8: "eighth",
    9: "ninth",
    10: "tenth",
    16: "sixteenth",
    100: "hundredth",
}
PARTS = {name: name for name in DENOMINATORS.values() if name != "half"} | {"fourth": "quarter"}

MONTHS = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
)
# "a ten second delay": not the tenth and second, nor the twenty-second, of anything.
TIMED = frozenset(
    [
        "ad",
        "ads",
        "break",
        "breaks",
        "burst",
        "clip",
        "clips",
        "delay",
        "delays",
        "gap",
        "interval",
        "intervals",
        "lap",
        "lead",
        "mark",
        "pause",
        "pauses",
        "recording",
        "rule",
        "sprint",
        "timeout",
        "timer",
        "video",
        "videos",
        "window",
    ]
)

CURRENCIES = {
    "$": ("dollar", "dollars"),
    "€": ("euro", "euros"),
    "£": ("pound", "pounds"),
    "¥": ("yen", "yen"),
    "₹": ("rupee", "rupees"),
}
CURRENCY_NAMES = frozenset(name for names in CURRENCIES.values() for name in names)
CENTS = frozenset({"cent", "cents", "pence", "penny", "p"})
MONEY_SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
# "two $5 bills", "the 10 km run": before these a unit stays singular, as it does after "a".
MEASURED = frozenset(
    [
        "bill",
        "bills",
        "coin",
        "coins",
        "note",
        "notes",
        "race",
        "run",
        "stamp",
        "stamps",
        "ticket",
        "tickets",
    ]
)

# After a number: one of them, several of them.
UNITS = {
    "%": ("percent", "percent"),
    "¢": ("cent", "cents"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "yds": ("yard", "yards"),
    "kg": ("kilogram", "kilograms"),
    "kilo": ("kilogram", "kilograms"),
    "kilos": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "hz": ("hertz", "hertz"),
    "khz": ("kilohertz", "kilohertz"),
    "mhz": ("megahertz", "megahertz"),
    "ghz": ("gigahertz", "gigahertz"),
    "kb": ("kilobyte", "kilobytes"),
    "mb": ("megabyte", "megabytes"),
    "gb": ("gigabyte", "gigabytes"),
    "tb": ("terabyte", "terabytes"),
    "kw": ("kilowatt", "kilowatts"),
}
# Single letters are units only after figures: "5 m", but not "plan five m".
LETTER_UNITS = {
    "m": ("meter", "meters"),
    "g": ("gram", "grams"),
    "l": ("liter", "liters"),
    "h": ("hour", "hours"),
    "s": ("second", "seconds"),
    "p": ("pence", "pence"),
}
DEGREES = {"c": "celsius", "f": "fahrenheit"}
# What stands between or before figures and is said.
SIGNS = {
    "-": "minus",
    "+": "plus",
    "=": "equals",
    "×": "times",
    "÷": "divided by",
    "&": "and",
    "@": "at",
    "%": "percent",
    "°": "degrees",
    "¢": "cents",
} | {sign: names[1] for sign, names in CURRENCIES.items()}

# Where none of these is among a text's words there is nothing to read.
NUMBER_WORDS = frozenset(
    [
        *UNDER_TWENTY,
        *TENS,
        *SCALES,
        *ORDINAL_SCALES,
        *ORDINALS,
        *PLURALS,
        "half",
        "hundred",
        "hundredth",
    ]
)
