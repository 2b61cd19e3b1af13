"""The strict readers of octets that everything else is built on: base64, integers, text.

Each raises Malformed with the rule that was broken, and never shows the octets.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64


class Malformed(ValueError):
    """The octets break a rule; the text says which, without the octets."""


def base64(text: bytes) -> bytes:
    """Decode canonical base64 (RFC 4648, sections 3.2 to 3.5): no white space, all the
    padding, no spare bits set. So there is one text for each message.
    """
    try:
        octets = a2b_base64(text)
    except Error:
        octets = b""
    # Python's own strict mode takes spare bits; to encode again tells everything.
    if b2a_base64(octets, newline=False) != text:
        raise Malformed("not canonical base64 (RFC 4648)")
    return octets


def integer(digits: bytes, least: int, most: int, what: str = "number") -> int:
    """Read decimal ASCII digits without a leading zero, `least` to `most`.

    `int()` alone would take "4_096", "+1", " 1" and Arabic digits.
    """
    if not digits.isdigit() or (digits[0] == 0x30 and len(digits) > 1):
        raise Malformed(f"the {what} is not in decimal digits")
    value = int(digits) if len(digits) < 20 else most + 1
    if not least <= value <= most:
        raise Malformed(f"the {what} is outside {least} to {most}")
    return value


def utf8(octets: bytes) -> str:
    """Decode UTF-8 (RFC 3629), strictly."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        pass  # raised again outside: the exception holds the octets
    raise Malformed("not UTF-8 (RFC 3629)")


def encoded(text: str) -> bytes:
    """Encode UTF-8; raise ValueError for a lone surrogate, without showing the text."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass  # raised again outside: the exception holds the text
    raise ValueError("a lone surrogate has no UTF-8 (RFC 3629, section 3)")


def folded(name: str) -> str:
    """Return a mechanism's name in upper case.

    One beyond ASCII stays as it is: the upper case of U+017F, the long s, is an S.
    """
    return name.upper() if name.isascii() else name


def is_https(text: str) -> bool:
    """Tell whether this is a URL with https, in visible ASCII, of 8192 octets at most."""
    return (
        text.startswith("https://")
        and 8 < len(text) <= 8192
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )


def must_be_octets(value: object) -> None:
    """Raise TypeError for anything but bytes: a str has no octets yet."""
    if not isinstance(value, bytes):
        raise TypeError(f"octets are given as bytes, not {type(value).__name__}")


def printable(text: str) -> str:
    """Replace what could rewrite a terminal or a log line; cut after 512 characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:512])
