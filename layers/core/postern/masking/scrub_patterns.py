"""What `scrub` takes for a value inside free text, as PostgreSQL's regular expressions.

Without back references, captures and look-around over more than one character, PostgreSQL runs such an expression as
an automaton, in one pass over the text: no text makes it try again and again. Several small ones are many times
faster than one with alternatives, since each run sets up a table of states by kinds of characters. A session keeps 32
of them compiled, the last used: where rows need more by turns, each row compiles them anew, at fifty times the time.
So a pattern is tried only on a text that has what it `needs`, and those that begin alike or are seldom tried are one.

They are matched under the C collation of a UTF-8 database, where classes and `(?i)` know ASCII only; what else may
stand in a value is listed. A check digit cannot be reckoned here, so these take more for a value than the detectors do.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.masking.detector_patterns import DetectorKind

# Characters that show nothing: soft hyphen, joiners, marks of direction, variation selectors, byte order mark.
_UNSEEN = r"\u00AD\u034F\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFE00-\uFE0F\uFEFF"
_SPACES = r" \t\r\n\u00A0\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_DASHES = r"\u2010-\u2015\u2212\uFE58\uFE63\uFF0D-"  # the last one is ASCII's, and stands last in a class
# ASCII, Arabic, Persian, Devanagari, full width, mathematical.
_DIGITS = r"0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19\U0001D7CE-\U0001D7FF"
_ZEROS = (0x30, 0x660, 0x6F0, 0x966, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)


def _digits(first: int, last: int) -> str:
    """From one to the other, in each of these scripts, as a part of a class."""
    return "".join(rf"\U{zero + first:08X}-\U{zero + last:08X}" for zero in _ZEROS)


_ZERO = rf"[{_digits(0, 0)}]"
_FROM_1, _FROM_2, _FROM_3 = (rf"[{_digits(first, 9)}]" for first in (1, 2, 3))
_MARKS = rf"._/~\u00B7\u2022\uFF0E{_UNSEEN}{_SPACES}{_DASHES}"  # between a number's groups
_D = rf"[{_DIGITS}]"
_U = rf"[{_UNSEEN}]*"
_N = rf"(?:{_D}{_U})"
_NO_DIGIT_BEFORE = rf"(?<!{_D})"
_NO_DIGIT_AFTER = rf"(?!{_D})"

# A word as a name or a host may have it: no spaces, quotes, brackets and other marks, in any script.
_WORD = (
    r"A-Za-z0-9_\u00A1-\u00AA\u00AC-\u00BA\u00BC-\u1FFF\u200B-\u200F\u202A-\u202E\u2060-\u2FFF\u3005-\u3007"
    r"\u3021-\uFE4F\uFE70-\uFEFF\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A\uFF66-\uFFEF\U00010000-\U0010FFFF"
)
_DOT = r"[.\u3002\uFF0E\uFF61]"
_LABEL = rf"[{_WORD}-]+"
_LAST_LABEL = rf"(?:[xX][nN]--{_LABEL}|[{_WORD.replace('0-9_', '')}]{{2,}})"
_LOCAL = rf"[{_WORD}.!#$%&*+/=?^`{{|}}~'-]"
# From the first character that could be an address's: were each one a place to begin, the time would grow with the
# square of a text such as `aaa…@bbb…@`. So an address that begins where another ends is a part of it.
_EMAIL = rf"""(?<!{_LOCAL})(?:{_LOCAL}+"?[@\uFE6B\uFF20](?:{_LABEL}{_DOT})+{_LAST_LABEL})+"""

# The countries of SWIFT's IBAN registry.
_COUNTRY = (
    "(?:A[DELTZ]|B[AEGHIRY]|C[HRYZ]|D[EJKO]|E[EGS]|F[IKOR]|G[BEILRT]|H[NRU]|I[ELQRST]|JO|K[WZ]|L[BCITUVY]"
    "|M[CDEKNRTU]|N[ILO]|OM|P[KLST]|QA|R[OSU]|S[ACDEIKMOTV]|T[LNR]|UA|V[AG]|XK|YE)"
)
_IBAN_SPACE = rf"\u00A0\u202F{_UNSEEN} \t\r\n"
_IBAN_SPACES, _IBAN_JOINT = (rf"[{_IBAN_SPACE}]{{{count},2}}" for count in (1, 0))
_IBAN_GAP = rf"[{_IBAN_SPACE}{_DASHES}]{{1,2}}"
_FOUR = "[0-9A-Z]{4}"
# Groups of four, of which the second holds a digit in every country's form: words of four letters do not.
_HAS_DIGIT = "(?:[0-9][0-9A-Z]{3}|[A-Z][0-9][0-9A-Z]{2}|[A-Z]{2}[0-9][0-9A-Z]|[A-Z]{3}[0-9])"
_IBAN_SIGN = "[A-Za-z]{2}[0-9]{2}[^A-Za-z]{0,2}[0-9A-Za-z]{4}"
# As a whole; in groups of which spaces part some, but not dashes, since a UUID joins what would be some of the groups;
# with a gap behind the check digits. `n` behind a backslash is the end of a line; words after the number are no groups.
_IBAN = (
    rf"(?i)(?:(?:\\[NRT]|(?<![0-9A-Z])){_COUNTRY}[0-9]{{2}}[0-9A-Z]{{11,}}"
    rf"|{_COUNTRY}[0-9]{{2}}(?:{_FOUR}(?:{_IBAN_SPACES}{_HAS_DIGIT}{_IBAN_JOINT}|{_HAS_DIGIT}{_IBAN_SPACES})"
    r"[0-9A-Z]{0,2}[0-9][0-9A-Z]{0,3}"
    rf"|(?:{_IBAN_SPACES}{_FOUR}{_IBAN_JOINT}|{_IBAN_GAP}{_FOUR}{_IBAN_GAP}){_HAS_DIGIT})"
    rf"(?:(?:{_IBAN_GAP}{_FOUR})?{_HAS_DIGIT}|{_IBAN_GAP}{_FOUR}(?![A-Z]))*"
    rf"(?:[\u00A0\u202F{_UNSEEN} \t{_DASHES}]{{1,2}}[0-9A-Z]{{1,3}}(?![0-9A-Z])|[\r\n]{{1,2}}[0-9A-Z]{{1,3}}(?![^\r\n])"
    r"|[0-9][0-9A-Z]{0,2})?)"
)

_AWS_GAP = "[_ -]?"
_AWS_QUOTES = r"[\\\u0022\u0027 ]*"
_AWS_SECRET = (
    rf"(?i)(?:aws{_AWS_GAP}secret{_AWS_GAP}(?:access{_AWS_GAP})?|secret{_AWS_GAP}access{_AWS_GAP})key"
    rf"{_AWS_QUOTES}[=:>]{{1,2}}{_AWS_QUOTES}[A-Z0-9/+]{{40,}}"
)

_GAP = rf"[{_MARKS}]{{1,4}}"
# Four digits with which a card may begin: others are mostly years.
_CARD_BEGINNING = rf"(?:{_FROM_3}{_U}{_N}|[{_digits(2, 2)}]{_U}[{_digits(2, 7)}]{_U}){_N}{{2}}"
_HYPHEN = rf"(?:[._ \u00A0{_UNSEEN}{_DASHES}]{{1,2}}| [{_DASHES}] )"
_DIAL = rf"[(). /{_UNSEEN}\t\u00A0\u2000-\u200A\u202F{_DASHES}]"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"
_H = "[0-9A-Fa-f]"
_IP_6_SIGN = f"::|(?::{_H}+){{7}}"
# With a word before it, up to a colon or an underscore: were each part of a word a place to begin, the time would grow
# with its square. A port may follow eight groups; digests in pairs of digits have more groups than eight.
_IP_6 = (
    rf"(?<![0-9A-Za-z_:])(?:[A-Za-z_][0-9A-Za-z_]*:|[0-9A-Za-z_]*_)?"
    rf"(?:{_H}{{1,4}}(?::{_H}{{1,4}}){{7}}(?![0-9A-Za-z]|:{_H}{{1,4}}:{_H})"
    rf"|(?:{_H}[0-9A-Fa-f:]*::[0-9A-Fa-f:]*|::{_H}[0-9A-Fa-f:]*)(?![0-9A-Za-z:]))"
)


@dataclass(frozen=True, slots=True)
class ScrubPattern:
    """What is replaced by the kind's marker. Where it matches, `needs` is in the text, and `sign` matches too.

    They are given where a run of the pattern costs much or texts with a sign of its group seldom have what it needs:
    each is looked for in each text, and makes the view's definition longer, which every statement over it pays for.
    """

    kind: DetectorKind
    pattern: str
    needs: str = ""  # in whatever case
    sign: str = ""


# In the order in which they are applied. First those that are made of letters too, then those of digits.
WORD_PATTERNS: tuple[ScrubPattern, ...] = (
    # To the next line of five dashes and over it, or to the end: a key that was cut is a key still.
    ScrubPattern(
        DetectorKind.PRIVATE_KEY,
        "(?i)-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?:[^-]|-{1,4}[^-])*(?:-----END [A-Z0-9 ]*-----|-{1,4}$)?",
        needs="-----",
    ),
    # Its parts may be broken over lines.
    ScrubPattern(DetectorKind.JWT, r"eyJ[A-Za-z0-9_\r\n-]{6,}(?:[.][A-Za-z0-9_\r\n-]*){2,4}"),
    ScrubPattern(DetectorKind.GITHUB_TOKEN, "(?i)g(?:h[pousr]_[A-Z0-9]{20,}|ithub_pat_[A-Z0-9_]{20,})"),
    ScrubPattern(DetectorKind.AWS_KEY, "(?i)a[ks]ia[A-Z0-9]{16,}"),
    ScrubPattern(DetectorKind.AWS_KEY, _AWS_SECRET, needs="secret"),
    ScrubPattern(DetectorKind.EMAIL, _EMAIL),
    ScrubPattern(DetectorKind.IBAN, _IBAN, sign=_IBAN_SIGN),
)
NUMBER_PATTERNS: tuple[ScrubPattern, ...] = (
    # Thirteen digits in a row; each by itself; in groups of four, and more of them in the same line; in other groups.
    ScrubPattern(DetectorKind.CARD, rf"{_D}(?:{_U}{_D}){{12,}}"),
    ScrubPattern(DetectorKind.CARD, rf"{_D}(?:{_GAP}{_D}){{12,}}"),
    ScrubPattern(
        DetectorKind.CARD,
        rf"{_CARD_BEGINNING}{_N}*(?:{_GAP}{_N}{{4,}}){{2}}{_GAP}{_N}+"
        rf"(?:{_GAP}{_N}{{3}}{_NO_DIGIT_AFTER}|(?:[ {_DASHES}]{_N}{{4,}}){{2,}})?",
    ),
    ScrubPattern(
        DetectorKind.CARD,
        rf"{_CARD_BEGINNING}(?:{_GAP}{_N}{{6,}}{_GAP}{_N}{{4,}}|{_N}{{2,}}{_GAP}{_N}{{7,}})",
    ),
    ScrubPattern(
        DetectorKind.SSN, rf"{_NO_DIGIT_BEFORE}{_N}{{3}}{_HYPHEN}{_N}{{2}}{_HYPHEN}{_N}{{4}}{_NO_DIGIT_AFTER}"
    ),
    ScrubPattern(DetectorKind.SSN, "(?i)ssn[^0-9A-Z]{0,5}(?:(?:is|was|no|nr|number)[^0-9A-Z]{1,5})?[0-9]{9}"),
    # Of any country with its code; of North America; of countries that begin with a zero at home.
    ScrubPattern(
        DetectorKind.PHONE,
        rf"(?:[+\uFF0B]{_DIAL}{{0,2}}{_FROM_1}|{_NO_DIGIT_BEFORE}{_ZERO}{{2}}{_DIAL}{{0,2}}{_FROM_1}{_DIAL}{{0,3}}{_D})"
        rf"(?:{_DIAL}{{0,3}}{_D}){{6,14}}",
    ),
    ScrubPattern(DetectorKind.PHONE, rf"\({_N}{{3}}\){_DIAL}{{0,2}}{_N}{{3}}{_DIAL}{{0,2}}{_N}{{4}}", needs="("),
    ScrubPattern(
        DetectorKind.PHONE,
        rf"{_NO_DIGIT_BEFORE}{_FROM_2}{_U}{_N}{{2}}{_DIAL}{{1,2}}{_N}{{3}}{_DIAL}{{1,2}}{_N}{{4}}{_NO_DIGIT_AFTER}",
    ),
    ScrubPattern(
        DetectorKind.PHONE,
        rf"{_NO_DIGIT_BEFORE}{_ZERO}{_U}{_N}(?:{_N}{{1,3}}{_DIAL}{{1,3}}{_N}{{3,4}}(?:{_DIAL}?{_N}{{2,4}}){{1,2}}"
        rf"|(?:{_DIAL}{_N}{{2}}){{4}}){_NO_DIGIT_AFTER}",
    ),
    ScrubPattern(DetectorKind.IP, rf"(?<![0-9])(?:{_OCTET}{_DOT}){{3}}{_OCTET}(?![0-9])"),
    ScrubPattern(DetectorKind.IP, _IP_6, sign=_IP_6_SIGN),
)

# At least one of these is in every text that a pattern of its group matches, and none in most other texts.
WORD_SIGNS = (
    r"[@\uFE6B\uFF20]|-----|eyJ|(?:[gG][hH][pousrPOUSR]|[gG][iI][tT][hH][uU][bB]_[pP][aA][tT])_|[aA][kKsS][iI][aA]",
    "[sS][eE][cC][rR][eE][tT][_ -]?[aAkK]",
    _IBAN_SIGN,
)
NUMBER_SIGNS = (
    rf"{_D}(?:[()\t{_MARKS}]*{_D}){{6}}",
    rf"[0-9]{_DOT}[0-9]{{1,3}}{_DOT}[0-9]",
    _IP_6_SIGN,
)
