"""English that sounds alike is one text, and English that does not is another."""

import pytest
from rapidfuzz.distance import Levenshtein

from audioforge_verifiers.normalizers.english_1 import english_1

# One line, one content: its ways of being written stand between bars.
ALIKE = """
seven one nine six | 7, 1, 9, 6. | 7196 | 7-1-9-6 | seventy-one ninety-six | Seven, one, nine, six.
nine one four two two oh five | 914-2205 | 914 2205 | (914) 2205
ten fifteen | 10:15 | 1015
twenty-one | twenty one | 21 | 2 1
five five | 5 5 | 55 | fifty-five | double five
five hundred | 500
three million | 3,000,000 | 3 million
triple five | 555 | five five five
nineteen eighty-four | 1984
twenty twenty | 2020
two thousand and eight | 2008 | two thousand eight
'84 | eighty-four | ’84
the nineties | the 90s | the '90s | the 90's
the nineteen nineties | the 1990s | the 1990's
three dollars fifty | $3.50 | three dollars and fifty cents | three dollars fifty cents | $ 3.50
one pound twenty | £1.20 | one pound and twenty pence | one pound 20p
five euros | €5 | 5€ | 5 euros
five percent | 5% | 5 per cent | five per cent | 5 percent
the twenty-first century | the 21st century
May 5 | May fifth | May 5th | may five
two thirds | 2/3 | ⅔
one half | half | a half | 1/2 | ½
three point one four | 3.14 | 3 point 1 4
twelve thousand three hundred and forty-five | 12,345 | 12345 | 12 thousand 345
minus five | -5 | negative five | −5
three pm | 3 p.m. | 3 pm | 3:00 pm | 3 P.M. | three p m | 3PM
ten am | 10 a.m. | 10 AM | ten a m | 10AM
five o'clock | 5:00 | 5 o'clock | five o clock | 5 o’clock
fifteen hundred | 1500 | 1,500
a hundred | one hundred | 100 | hundred
a hundred and one dalmatians | 101 dalmatians | one hundred one Dalmatians
ten second delay | 10 second delay | 10-second delay
a twenty second delay | a 20-second delay
two seconds | 2 seconds | 2 secs
the second one | the 2nd one | the 2nd 1
two and a half | 2.5 | 2 1/2 | 2½ | two point five
one and a half million | 1.5 million | 1,500,000
a million and a half | 1.5 million
nineteen oh five | 1905 | nineteen o five
double oh seven | 007 | oh oh seven
+1 914 2205 | plus one nine one four two two oh five
five kilometers | 5 km | 5km | five kilometres | 5 kilometers
five kilograms | 5 kg
sixty miles per hour | 60 mph | 60 miles per hour
five kilometers per hour | 5 km/h
twenty degrees celsius | 20°C | 20 °C | 20 ℃ | 20 degrees C
a five dollar bill | a $5 bill
five million dollars | $5 million | $5m | $5M | 5 million dollars
one point two billion euros | €1.2bn | €1.2 billion
Mr. Smith | mister Smith | MR SMITH
Dr. Jones vs. Mrs. Jones | doctor jones versus missus jones
St. Mary | Saint Mary
12 Main St. | twelve main street | 12 Main Street
on Main St. in Boston | on main street in boston
well-known | well known
I don't know | I don’t know | I do not know | I dont know | i don t know
let's go | let us go | Let’s go | let s go
I'm here | I am here | I’m here | i m here
won't | will not
John's book | Johns book | johns' book
John's going home | John is going home
it's been | it has been
he'd better | he had better
we've met | we have met | we ve met
I cannot | I can not | I can't
colour | color
um, I think, uh, so | I think so
e-mail | email | e mail
the U.S. army | the US army | the U S army
the FBI | the F.B.I. | the F B I | the fbi
J. F. Kennedy | J.F. Kennedy | j f kennedy
U.S.A. | USA | u s a
okay | OK | O.K. | ok
café | cafe | CAFÉ | café
visit example.com | visit example dot com
number five | No. 5 | #5 | № 5
AT&T | AT and T
one third | 1/3 | ⅓
three quarters | 3/4 | ¾ | three fourths
two and three quarters | 2 3/4 | 2¾
October twenty fourth | October 24th | october 24 | October 24
covid-19 | covid nineteen
room one oh one | room 101
zero point five | 0.5 | point five | .5
two million five hundred thousand | 2.5 million | 2,500,000 | two and a half million
three thousand, two hundred | 3,200 | 3200 | three thousand two hundred
some one | someone
no one | no 1
will not | won’t
twenty-four seven | 24/7
nine eleven | 9/11
one thousand and one nights | 1001 nights
I'd like a sixteen ounce | I would like a 16 ounce
I'd like a sixteen-ounce coffee | I'd like a 16 oz coffee
fifty cents | $0.50 | 50 cents | 50¢
one cent | $0.01
hundred percent | 100% | one hundred percent
what's the time | what is the time
rock 'n' roll | rock and roll
it is 5 minutes | it's five min
cooperate | co-operate | co\u00adoperate
thirty-third | 33rd
eleven seventeen fifty one | 11-17-51 | 11/17/51
nineteen hundreds | 1900s
the year nineteen hundred | the year 1900
three fifths | 3/5
4th of July | fourth of July
7-Eleven | seven eleven
one one two | 112 | 1-1-2
forty thieves | 40 thieves
10,000 | ten thousand | 10 thousand
thirteen | 13
U.S. | U S
4:30 | four thirty | 430
he recited the second time | he recited the 2nd time
thirtieth April | 30 April
a second time | a 2nd time
"""

# What a listener tells apart, and by how many words of the normalised texts.
APART = [
    ("seven one nine six", "7, 1, 9, 5", 1),
    ("21", "31", 1),
    ("twenty-first", "thirty-first", 1),
    ("the 12th", "the 22nd", 1),
    ("the first", "the fifth", 1),
    ("he came a second time", "he came the second time", 1),
    ("fifteen", "fifty", 2),
    ("$3.50", "$3.60", 1),
    ("five dollars", "five pounds", 1),
    ("5%", "5", 1),
    ("3 pm", "3 am", 1),
    ("3.14", "314", 1),
    ("-5", "5", 1),
    ("10 km", "10 kg", 1),
    ("two thirds", "two quarters", 1),
    ("the twenty-first", "the twenty-one", 1),
    ("I can do it", "I can't do it", 1),
    ("give it to us", "give it to the US", 3),
    ("oh, one of them", "zero one of them", 1),
    ("one hundred two hundred", "one hundred and two", 3),
    ("twelfth", "one second", 1),
    ("John's book", "John book", 1),
    ("сat", "cat", 1),
    ("one", "won", 1),
    ("to buy", "two buy", 1),
    ("I like it", "I it", 1),
    ("open it", "open it [music]", 1),
]


@pytest.mark.parametrize("line", ALIKE.strip().splitlines())
def test_ways_of_writing_are_one_text(line):
    said = {english_1(way) for way in line.split(" | ")}
    assert len(said) == 1
    text = said.pop()
    assert english_1(text) == text


@pytest.mark.parametrize(("one", "other", "edits"), APART)
def test_what_sounds_different_costs(one, other, edits):
    assert Levenshtein.distance(english_1(one).split(), english_1(other).split()) == edits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Um, uh… hmm.", ""),
        ("three million", "3 0 0 0 0 0 0"),
        ("The 21st, at 10:15", "the 2 1th at 1 0 1 5"),
        ("Oh, seven of us", "oh 7 of us"),
        ("chapter X", "chapter x"),
        ("it cost two thousand, five people paid", "it cost 2 0 0 0 5 people paid"),
    ],
)
def test_known_texts(text, expected):
    assert english_1(text) == expected
