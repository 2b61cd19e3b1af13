"""Strings between quotes, as IMAP and ManageSieve write them (RFC 9051, RFC 5804).

quoted = DQUOTE *QUOTED-CHAR DQUOTE, where a backslash stands before a quote or another
backslash; NUL, CR and LF are never in it.
"""

from __future__ import annotations

import re

# Possessive: each octet is looked at once.
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]++|\\["\\])*+)"')
_ESCAPED = re.compile(rb'\\(["\\])')


def read_quoted(text: bytes, at: int = 0) -> tuple[bytes, int] | None:
    """Read the quoted string that begins there; return what it holds, and where it ends,
    None where there is none.
    """
    found = _QUOTED.match(text, at)
    return None if found is None else (_ESCAPED.sub(rb"\1", found[1]), found.end())


def is_quotable(value: bytes) -> bool:
    """Whether a string goes between quotes at all."""
    return not any(octet in value for octet in b"\0\r\n")


def quoted(value: bytes) -> bytes:
    """Write a string that `is_quotable` between quotes."""
    return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
