"""What `scrub` takes for a value inside free text, as PostgreSQL's regular expressions.

Without back references, captures and look-around over more than one character, PostgreSQL runs such an expression as
an automaton, in one pass over the text: no text makes it try again and again. Several small ones are many times
faster than one with alternatives, since each run sets up a table of states by kinds of characters. A session keeps 32
of them compiled, the last used: where rows need more by turns, each row compiles them anew, at fifty times the time.
So a pattern is tried only on a text that has what it `needs`.

They are matched under the C collation of a UTF-8 database, where classes and `(?i)` know ASCII only; what else may
stand in a value is listed. A check digit cannot be reckoned here, so these take more for a value than the detectors do.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.masking.detector_patterns import DetectorKind

# Characters that show nothing: soft hyphen, joiners, marks of direction, variation selectors, byte order mark.
_UNSEEN = r"\u00AD\u034F\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFE00-\uFE0F\uFEFF"
_SPACES = r" \t\r\n\u00A0\u2000-\u200A\u202F\u205F\u3000"
_DASHES = r"\u2010-\u2015\u2212\uFE58\uFE63\uFF0D-"  # the last one is ASCII's, and stands last in a class
# ASCII, Arabic, Persian, Devanagari, full width, mathematical.
_DIGITS = r"0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19\U0001D7CE-\U0001D7FF"
_BETWEEN = rf"[._/\u00B7\uFF0E{_UNSEEN}{_SPACES}{_DASHES}]"  # between a number's groups
_D = rf"[{_DIGITS}]"
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
_IBAN_GAP = rf"[\u00A0\u202F{_UNSEEN} {_DASHES}]{{1,2}}"
# Groups of four, of which the second holds a digit in every country's form: words of four letters do not.
_HAS_DIGIT = "(?:[0-9][0-9A-Z]{3}|[A-Z][0-9][0-9A-Z]{2}|[A-Z]{2}[0-9][0-9A-Z]|[A-Z]{3}[0-9])"
_IBAN_IN_GROUPS = (
    rf"(?i){_COUNTRY}[0-9]{{2}}{_IBAN_GAP}[0-9A-Z]{{4}}{_IBAN_GAP}{_HAS_DIGIT}"
    rf"(?:{_IBAN_GAP}[0-9A-Z]{{4}})*(?:{_IBAN_GAP}[0-9A-Z]{{1,3}})?"
)
_IBAN_SIGN = "[A-Za-z]{2}[0-9]{2}[^A-Za-z]{0,2}[0-9A-Za-z]{4}"

_GAP = rf"{_BETWEEN}{{1,3}}"
# Four digits with which a card may begin: others are mostly years.
_CARD_BEGINNING = rf"(?:[3-9\uFF13-\uFF19]{_D}|[2\uFF12][2-7\uFF12-\uFF17]){_D}{{2}}"
_HYPHEN = rf"[._ \u00A0{_UNSEEN}{_DASHES}]{{1,2}}"
_DIAL = rf"[(). /{_UNSEEN}\t\u00A0\u2000-\u200A\u202F{_DASHES}]"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"


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
    ScrubPattern(DetectorKind.GITHUB_TOKEN, "(?i)gh[pousr]_[A-Z0-9]{20,}"),
    ScrubPattern(DetectorKind.GITHUB_TOKEN, "(?i)github_pat_[A-Z0-9_]{20,}"),
    ScrubPattern(DetectorKind.AWS_KEY, "(?i)a[ks]ia[A-Z0-9]{16,}"),
    ScrubPattern(
        DetectorKind.AWS_KEY,
        r"(?i)aws_?secret_?(?:access_?)?key[\u0022\u0027 ]*[=:][\u0022\u0027 ]*[A-Z0-9/+]{40,}",
        needs="secret",
    ),
    ScrubPattern(DetectorKind.EMAIL, _EMAIL),
    ScrubPattern(DetectorKind.IBAN, rf"(?i)\m{_COUNTRY}[0-9]{{2}}[0-9A-Z]{{11,}}", sign=_IBAN_SIGN),
    ScrubPattern(DetectorKind.IBAN, _IBAN_IN_GROUPS, sign=_IBAN_SIGN),
)
NUMBER_PATTERNS: tuple[ScrubPattern, ...] = (
    # Thirteen digits in a row; each by itself; in groups.
    ScrubPattern(DetectorKind.CARD, rf"{_D}(?:[{_UNSEEN}]*{_D}){{12,}}"),
    ScrubPattern(DetectorKind.CARD, rf"{_D}(?:{_GAP}{_D}){{12,}}"),
    ScrubPattern(
        DetectorKind.CARD,
        rf"{_CARD_BEGINNING}{_D}*(?:{_GAP}{_D}{{4,}}){{2}}{_GAP}{_D}+(?:{_GAP}{_D}{{3}}{_NO_DIGIT_AFTER})?",
    ),
    ScrubPattern(DetectorKind.CARD, rf"{_CARD_BEGINNING}{_GAP}{_D}{{6,}}{_GAP}{_D}{{4,}}"),
    ScrubPattern(DetectorKind.CARD, rf"{_CARD_BEGINNING}{_D}{{2,}}{_GAP}{_D}{{7,}}"),
    ScrubPattern(
        DetectorKind.SSN, rf"{_NO_DIGIT_BEFORE}{_D}{{3}}{_HYPHEN}{_D}{{2}}{_HYPHEN}{_D}{{4}}{_NO_DIGIT_AFTER}"
    ),
    ScrubPattern(DetectorKind.SSN, "(?i)ssn[^0-9A-Z]{0,5}[0-9]{9}"),
    # Of any country with its code; of North America; of countries that begin with a zero at home.
    ScrubPattern(DetectorKind.PHONE, rf"[+\uFF0B]{_DIAL}{{0,2}}[1-9\uFF11-\uFF19](?:{_DIAL}{{0,3}}{_D}){{6,14}}"),
    ScrubPattern(DetectorKind.PHONE, rf"{_NO_DIGIT_BEFORE}00{_DIAL}{{0,2}}[1-9](?:{_DIAL}{{0,3}}{_D}){{7,13}}"),
    ScrubPattern(DetectorKind.PHONE, rf"\({_D}{{3}}\){_DIAL}{{0,2}}{_D}{{3}}{_DIAL}{{0,2}}{_D}{{4}}", needs="("),
    ScrubPattern(
        DetectorKind.PHONE,
        rf"{_NO_DIGIT_BEFORE}[2-9\uFF12-\uFF19]{_D}{{2}}{_DIAL}{{1,2}}{_D}{{3}}{_DIAL}{{1,2}}{_D}{{4}}{_NO_DIGIT_AFTER}",
    ),
    ScrubPattern(
        DetectorKind.PHONE,
        rf"{_NO_DIGIT_BEFORE}[0\uFF10]{_D}{{2,4}}{_DIAL}{{1,3}}{_D}{{3,4}}(?:{_DIAL}?{_D}{{2,4}}){{1,2}}{_NO_DIGIT_AFTER}",
    ),
    ScrubPattern(DetectorKind.PHONE, rf"{_NO_DIGIT_BEFORE}[0\uFF10]{_D}(?:{_DIAL}{_D}{{2}}){{4}}{_NO_DIGIT_AFTER}"),
    ScrubPattern(DetectorKind.IP, rf"(?<![0-9])(?:{_OCTET}{_DOT}){{3}}{_OCTET}(?![0-9])"),
    ScrubPattern(DetectorKind.IP, r"(?<![0-9A-Za-z:])[0-9A-Fa-f]+(?::[0-9A-Fa-f]+){7}(?![0-9A-Za-z:])", needs=":"),
    ScrubPattern(
        DetectorKind.IP, r"(?<![0-9A-Za-z:])[0-9A-Fa-f][0-9A-Fa-f:]*::[0-9A-Fa-f:]*(?![0-9A-Za-z:])", needs="::"
    ),
    ScrubPattern(DetectorKind.IP, r"(?<![0-9A-Za-z:])::[0-9A-Fa-f][0-9A-Fa-f:]*(?![0-9A-Za-z:])", needs="::"),
)

# At least one of these is in every text that a pattern of its group matches, and none in most other texts.
WORD_SIGNS = (
    r"[@\uFE6B\uFF20]|-----|eyJ|(?:[gG][hH][pousrPOUSR]|[gG][iI][tT][hH][uU][bB]_[pP][aA][tT])_|[aA][kKsS][iI][aA]",
    "[aA][wW][sS]_?[sS][eE][cC]",
    _IBAN_SIGN,
)
NUMBER_SIGNS = (
    rf"{_D}(?:[^0-9A-Za-z]{{0,3}}{_D}){{6}}",
    rf"[0-9]{_DOT}[0-9]{{1,3}}{_DOT}[0-9]",
    "::|(?::[0-9A-Fa-f]+){5}",
)
