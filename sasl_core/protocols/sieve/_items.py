"""What ManageSieve's lines are made of: strings, atoms, numbers (RFC 5804, section 4).

string  = quoted / literal           quoted  = DQUOTE *1024QUOTED-CHAR DQUOTE
literal = "{" number ["+"] "}" CRLF *OCTET      ; "+" where the client says it
"""

from __future__ import annotations

import re

from ..._strict import Malformed
from .._quoted import is_quotable, quoted, read_quoted

# A string is bytes, an atom is str.
Item = bytes | str | int

_LONGEST_QUOTED = 1024
_LITERAL = re.compile(rb"\{([0-9]{1,10})\+?\}\r\n")
# Possessive: each octet is looked at once.
_ATOM = re.compile(rb'[^\0- \x7f-\xff"(){}\\]++')
_OUTSIDE_QUOTES = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+')
_ANNOUNCED = re.compile(rb"\{([0-9]+)\+?\}\Z")
_ENDLESS = 1 << 62


def announced(line: bytes) -> int | None:
    """Return the octets of the literal that a line, without its CRLF, announces at its
    end; None if it announces none. More than a number can be is more than will come.
    """
    if not line.endswith(b"}"):
        return None
    found = _ANNOUNCED.match(line, max(line.rfind(b"{"), 0))
    if found is None or _OUTSIDE_QUOTES.fullmatch(line, 0, found.start()) is None:
        return None  # a brace that is no more than that
    return int(found[1]) if len(found[1]) <= 10 else _ENDLESS


def read_item(text: bytes, at: int) -> tuple[Item, int]:
    """Read the item that begins there; return it, and where it ends.

    Quoted strings may be longer than 1024 octets, as Dovecot writes them, and a literal
    of either side's kind is taken. Raise Malformed for what is no item.
    """
    if between_quotes := read_quoted(text, at):
        return between_quotes
    if found := _LITERAL.match(text, at):
        end = found.end() + int(found[1])
        if end > len(text):
            raise Malformed("a literal is cut short (RFC 5804, section 4)")
        return text[found.end() : end], end
    if found := _ATOM.match(text, at):
        atom = found[0].decode()
        number = atom.isdigit() and len(atom) <= 10
        return int(atom) if number else atom, found.end()
    raise Malformed("neither a string nor an atom (RFC 5804, section 4)")


def read_items(text: bytes) -> tuple[Item, ...]:
    """Read items that are separated by single spaces; raise Malformed."""
    item, at = read_item(text, 0)
    items = [item]
    while at < len(text):
        if text[at] != 0x20:
            raise Malformed("items are separated by a space (RFC 5804, section 4)")
        item, at = read_item(text, at + 1)
        items.append(item)
    return tuple(items)


def write_string(value: bytes, *, client: bool = False) -> bytes:
    """Write a string: between quotes where it fits there, else as a literal, in the
    form of this side.
    """
    if len(value) <= _LONGEST_QUOTED and is_quotable(value):
        return quoted(value)
    return b"{%d%b}\r\n%b" % (len(value), b"+" if client else b"", value)
