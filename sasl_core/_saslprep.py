"""SASLprep (RFC 4013): user names and passwords in the one form that both sides compare.

`stringprep` holds the tables of Unicode 3.2, `ucd_3_2_0` its normalization.
"""

from __future__ import annotations

import stringprep as tables
from unicodedata import ucd_3_2_0

# NFKC is quadratic in runs of combining marks: what needs it must be short.
MAX_OCTETS = 1024

_PROHIBITED = (
    (tables.in_table_c21, "C.2.1 (control characters)"),
    (tables.in_table_c22, "C.2.2 (control characters)"),
    (tables.in_table_c3, "C.3 (private use)"),
    (tables.in_table_c4, "C.4 (not characters)"),
    (tables.in_table_c5, "C.5 (surrogates)"),
    (tables.in_table_c6, "C.6 (inappropriate for plain text)"),
    (tables.in_table_c7, "C.7 (inappropriate for canonical representation)"),
    (tables.in_table_c8, "C.8 (change display, or deprecated)"),
    (tables.in_table_c9, "C.9 (tagging)"),
)


class PrepError(ValueError):
    """The string cannot be prepared; the text names the table that forbids it."""


def saslprep(text: str, *, stored: bool = True) -> str:
    """Prepare a user name or a password (RFC 4013, section 2).

    `stored` strings may hold no code point unassigned in Unicode 3.2, queries may
    (section 2.5). Raise PrepError for what is prohibited, or too long to normalize.
    The result can be empty: to refuse that is the caller's rule.
    """
    if text.isascii() and text.isprintable():  # 200 times faster than the tables
        return text
    _limit(text)
    # Section 2.1: non-ASCII spaces become a space, the "mapped to nothing" vanish.
    # U+200B is in both tables; the one named first, C.1.2, wins.
    mapped = "".join(
        " " if tables.in_table_c12(char) else char
        for char in text
        if tables.in_table_c12(char) or not tables.in_table_b1(char)
    )
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    _check(prepared)
    if stored and any(map(tables.in_table_a1, prepared)):
        raise PrepError(
            "a code point is unassigned in Unicode 3.2 (RFC 3454, table A.1)"
        )
    return prepared


def trace(text: str) -> str:
    """Check the trace of ANONYMOUS (RFC 4505, section 3), which nothing is mapped in."""
    if not (text.isascii() and text.isprintable()):
        _limit(text)
        _check(text)
    return text


def _limit(text: str) -> None:
    # "surrogatepass", because it is table C.5 that refuses a lone surrogate.
    if len(text) > MAX_OCTETS or len(text.encode(errors="surrogatepass")) > MAX_OCTETS:
        raise PrepError(
            f"text beyond printable ASCII is longer than {MAX_OCTETS} octets"
        )


def _check(text: str) -> None:
    for char in text:
        for in_table, name in _PROHIBITED:
            if in_table(char):
                raise PrepError(f"a character is prohibited by RFC 3454, table {name}")
    # RFC 3454, section 6, on the text as mapped
    if any(map(tables.in_table_d1, text)) and (
        any(map(tables.in_table_d2, text))
        or not tables.in_table_d1(text[0])
        or not tables.in_table_d1(text[-1])
    ):
        raise PrepError("right-to-left text is mixed with other (RFC 3454, section 6)")
