"""English numbers become digits, one word per digit, whether they were said or written.

"seven one nine six", "7, 1, 9, 6", "7196" and "seventy-one ninety-six" are all `7 1 9 6`, so that a
wrong digit costs one word of four. It follows that grouping is nothing: "5 5" is "55", "nineteen
eighty-four" is "1984", "ten fifteen" is "10:15" and "12,345" needs no rule for its comma.

An ordinal carries `th` on its last digit, whatever the digit ("21st": `2 1th`; "12th": `1 2th`), so
that a wrong one costs no more than a wrong digit. The second by itself, of a minute too, is
`second`. Beside a month an ordinal is the number of the day ("May 5th": `may 5`). A decade carries
`s` (`9 0s`). Fractions keep the names of their parts ("2/3": `2 thirds`), and 1/2 after a whole
number is `point 5`.

Roman numerals, quarters of hours ("quarter past"), dozens and feet with inches (5'10") are left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from audioforge_verifiers.normalizers.numbers.english_cardinals import (
    Number,
    read_cardinal,
    read_decimals,
)
from audioforge_verifiers.normalizers.numbers.english_names import (
    CENTS,
    CURRENCIES,
    CURRENCY_NAMES,
    DEGREES,
    DENOMINATORS,
    LETTER_UNITS,
    LETTER_ZEROS,
    MEASURED,
    MONEY_SCALES,
    MONTHS,
    NUMBER_WORDS,
    ONES,
    PARTS,
    PLURALS,
    REPEATS,
    SCALES,
    SIGNS,
    TENS,
    UNDER_TWENTY,
    UNITS,
)

# Figures with what belongs to them, words, and the marks that are said or that end a number.
TOKEN = re.compile(
    r"""
    \d{1,2}:\d\d(?::\d\d)?(?!\d)            # 10:15
    | (?<![\d/.])\d{1,2}/\d{1,3}(?![\d/])   # 2/3
    | \d[\d,]*(?:st|nd|rd|th|s)\b           # 21st, 1990s
    | \d{1,3}(?:,\d\d\d)+(?!\d)(?:\.\d+)?   # 12,345.60
    | \d+(?:\.\d+)? | (?<![a-z])\.\d+       # 3.14, .5
    | (?<![^\s($€£])-(?=[$€£]?\.?\d)        # -5, which is no range
    | [^\s!-&(-@\[-`{-~°€£¥₹¢×÷]+           # a word, of any script
    | [$€£¥₹¢%°&@#+=×÷/.,;:!?]
    """,
    re.VERBOSE,
)
NOT_SAID = frozenset(".,;:!?#/")

# The words that begin something which is read; every other one is said as it is.
READ = (
    NUMBER_WORDS
    | CURRENCIES.keys()
    | REPEATS.keys()
    | LETTER_ZEROS
    | PLURALS.keys()
    | SIGNS.keys()
    | {"a", "negative"}
)


def read_numbers(tokens: list[str]) -> list[str]:
    """Return the words of lower-case English `tokens`, numbers as digits, punctuation gone."""
    return _Reader(tokens).words()


class _Reader:
    """Reads the tokens of one text from left to right, and says them."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens: Sequence[str] = [*tokens, "", "", "", ""]
        self.said: list[str] = []
        self.row = 0  # numbers in a row before the token that is read

    def words(self) -> list[str]:
        at = 0
        while token := self.tokens[at]:
            if token.isalpha() and token not in READ:  # most words of most texts
                self.said.append(token)
                self.row, at = 0, at + 1
                continue
            after = self._money(at) or self._counted(at) or self._repeated(at) or self._zero(at)
            self.row = self.row + 1 if after else 0
            at = after or self._other(at)
        return self.said

    # Each of these says what stands at `at` and returns the place after it, or None.

    def _money(self, at: int) -> int | None:
        """Say "$3.50" as "three dollars fifty", "$5m" as "five million dollars"."""
        names, amount = CURRENCIES.get(self.tokens[at]), self.tokens[at + 1]
        number = self._number(at + 1) if names and _is_figures(amount) else None
        if names is None or number is None or number.suffix:
            return None
        number = self._scaled(number, MONEY_SCALES)
        whole, _, cents = number.figures.partition(".")
        if len(cents) != 2:
            self._say(number.figures)
            self.said.append(self._unit(number.figures, names, at, number.end))
        elif int(whole or 0) == 0:
            self._say(str(int(cents)))
            self.said.append(_cent(names[0], int(cents)))
        else:
            self._say(whole)
            self.said.append(self._unit(whole, names, at, number.end))
            self._say(cents if cents != "00" else "")
        return self._per(number.end)

    def _counted(self, at: int) -> int | None:
        """Say a number with the unit, the part or the half of the day after it."""
        number = self._number(at)
        if number is None:
            return None
        if number.suffix:
            return self._suffixed(at, number)
        figures, end = number.figures, number.end
        following = self.tokens[end]
        if figures == "1" and following == "half":
            self.said.append("half")
            return end + 1
        self._say(figures)
        if figures == "1" and following in PARTS:
            self.said.append(PARTS[following])
        elif following == "fourths":
            self.said.append("quarters")
        elif following in CURRENCIES:
            self.said.append(self._unit(figures, CURRENCIES[following], at, end + 1))
        elif following in CURRENCY_NAMES:
            return self._cents(end)
        elif following in ("a", "p") and self.tokens[end + 1] == "m":
            self.said.append(f"{following}m")
            return end + 2
        elif "/" in following and len(following) > 1:
            self.said.append("and")  # "2 3/4"
            return end
        else:
            return self._measured(at, number)
        return end + 1

    def _repeated(self, at: int) -> int | None:
        times, digit = REPEATS.get(self.tokens[at]), self.tokens[at + 1]
        if times is None:
            return None
        if digit in LETTER_ZEROS and (self.row or self._is_digit(at + 2)):
            digit = "0"
        elif digit in ONES or digit == "zero":
            digit = str(UNDER_TWENTY[digit])
        if len(digit) != 1 or not digit.isdigit():
            return None
        self._say(digit * times)
        return at + 2

    def _zero(self, at: int) -> int | None:
        """Say the letter of "nine oh two", of "oh two one" and of "one oh"."""
        if self.tokens[at] not in LETTER_ZEROS:
            return None
        one, two = self.tokens[at + 1], self.tokens[at + 2]
        pointed = at > 0 and self.tokens[at - 1] == "point"
        if self.row or pointed:
            is_zero = self._is_digit(at + 1) or (not one and (self.row > 1 or pointed))
        else:
            starts = self.tokens[at] == "oh" and self._is_digit(at + 1) and self._is_digit(at + 2)
            is_zero = starts and not {one, two} <= LETTER_ZEROS
        if not is_zero:
            return None
        self._say("0")
        return at + 1

    def _other(self, at: int) -> int:
        token, following = self.tokens[at], self.tokens[at + 1]
        if "/" in token and len(token) > 1:
            self._fraction(token)
        elif token in SIGNS:
            self.said += SIGNS[token].split()
        elif token == "#" and following[:1].isdigit():
            self.said.append("number")
        elif token == "negative" and self._number(at + 1):
            self.said.append("minus")
        elif token not in NOT_SAID and not (token == "a" and following == "half"):
            self.said.append(token)
        return at + 1

    # Reading

    def _number(self, at: int) -> Number | None:
        """The longest number at `at`, with its decimals or its half."""
        token = self.tokens[at]
        if token in PLURALS:
            return Number(str(PLURALS[token]), at + 1, "s")
        if "/" in token:
            return None
        if ":" in token and len(token) > 1:
            return self._time(at)
        number = read_cardinal(self.tokens, at)
        if number is None and _is_figures(token):
            suffix = {"s": "s"}.get(token[-1], "th") if token[-1].isalpha() else ""
            number = Number(re.sub(r"[^\d.]", "", token), at + 1, suffix)
        return number if number is None or number.suffix else self._with_part(number)

    def _time(self, at: int) -> Number:
        """A full hour by the clock of twelve is said without its minutes."""
        hours, *rest = self.tokens[at].split(":")
        if rest != ["00"] or hours[0] == "0" or int(hours) > 12:
            return Number(hours + "".join(rest), at + 1)
        following = self.tokens[at + 1]
        halved = following in ("a", "p") and self.tokens[at + 2] == "m"
        named = halved or following in ("am", "pm", "oclock")
        return Number(hours, at + 1, "" if named else "oclock")

    def _with_part(self, number: Number) -> Number:
        figures, end, _ = number
        tokens = self.tokens
        half = 0
        if tokens[end] == "and" and tokens[end + 1] in ("a", "one") and tokens[end + 2] == "half":
            half = 3
        elif tokens[end] == "1/2" or (tokens[end] == "and" and tokens[end + 1] == "1/2"):
            half = 1 + (tokens[end] == "and")
        if half and tokens[end - 1] in SCALES:
            value = int(figures) + SCALES[tokens[end - 1]] // 2  # "a million and a half"
            return Number(str(value), end + half)
        if half and "." not in figures:
            figures, end = f"{figures}.5", end + half
        elif tokens[end] == "point" and "." not in figures:
            decimals, after = read_decimals(tokens, end + 1)
            if decimals:
                figures, end = f"{figures}.{decimals}", after
        return self._scaled(Number(figures, end), SCALES)

    def _scaled(self, number: Number, scales: dict[str, int]) -> Number:
        """The number times the scale after it: "2.5 million"."""
        scale = scales.get(self.tokens[number.end])
        if scale is None:
            return number
        value = Fraction(number.figures) * scale
        if value.denominator != 1:
            return number
        return Number(str(value.numerator), number.end + 1)

    def _is_digit(self, at: int) -> bool:
        token = self.tokens[at]
        known = token in LETTER_ZEROS or token in UNDER_TWENTY or token in TENS
        return known or token[:1].isdigit()

    # Saying

    def _say(self, figures: str) -> None:
        whole, point, decimals = figures.partition(".")
        self.said += [] if point and whole == "0" else [*whole]
        self.said += ["point", *decimals] if point else []

    def _suffixed(self, at: int, number: Number) -> int:
        before = self.tokens[at - 1] if at else ""
        ordinal = number.suffix == "th"
        if ordinal and (before in MONTHS or self.tokens[number.end] in MONTHS):
            self._say(number.figures)
        elif ordinal and number.figures == "2":
            self.said.append("second")  # also of a minute: "wait a second"
        elif number.suffix == "oclock":
            self.said += [*number.figures, "oclock"]
        else:
            self._say(number.figures)
            self.said[-1] += number.suffix
        return number.end

    def _fraction(self, token: str) -> None:
        above, below = token.split("/")
        name = DENOMINATORS.get(int(below))
        if name is None or not 0 < int(above) < int(below):
            self.said += [*above, *below]  # 9/11, 24/7, a date
        elif (above, name) == ("1", "half"):
            self.said.append("half")
        else:
            self.said += [*above, name if above == "1" else f"{name}s"]

    def _measured(self, at: int, number: Number) -> int:
        """Say the unit after a number; single letters are units after figures only."""
        figures, end = number.figures, number.end
        following, scale = self.tokens[end], self.tokens[end + 1]
        if following in ("°", "degree", "degrees"):
            self.said.append("degree" if figures == "1" else "degrees")
            self.said += [DEGREES[scale]] if scale in DEGREES else []
            return end + 1 + (scale in DEGREES)
        names = UNITS.get(following)
        if names is None and _is_figures(self.tokens[at]):
            names = LETTER_UNITS.get(following)
        if names is None:
            return end
        self.said += self._unit(figures, names, at, end + 1).split()
        return self._per(end + 1)

    def _per(self, at: int) -> int:
        """Say the "/h" of "5 km/h"."""
        unit = self.tokens[at + 1]
        if self.tokens[at] != "/" or not unit.isalpha():
            return at
        self.said += ["per", (UNITS | LETTER_UNITS).get(unit, (unit,))[0]]
        return at + 2

    def _unit(self, figures: str, names: tuple[str, str], start: int, after: int) -> str:
        """The unit of the number that starts at `start`: singular in "a 16 oz coffee"."""
        counted = start > 0 and self.tokens[start - 1] in ("a", "an")
        singular = figures == "1" or counted or self.tokens[after] in MEASURED
        return names[0] if singular else names[1]

    def _cents(self, at: int) -> int:
        """Say the "dollars and fifty cents" after a number as the "dollars fifty" of "$3.50"."""
        self.said.append(self.tokens[at])
        number = self._number(at + 1 + (self.tokens[at + 1] == "and"))
        if number is None or number.suffix or len(number.figures) > 2:
            return at + 1
        if self.tokens[number.end] not in CENTS:
            return at + 1
        self._say(number.figures.zfill(2))
        return number.end + 1


def _is_figures(token: str) -> bool:
    return token[:1].isdigit() or (token[:1] == "." and len(token) > 1)


def _cent(currency: str, count: int) -> str:
    if currency == "pound":
        return "pence"
    return "cent" if count == 1 else "cents"
