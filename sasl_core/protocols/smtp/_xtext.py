"""The AUTH parameter of MAIL (RFC 4954, section 5): a mailbox, in xtext (RFC 3461).

xtext   = *( xchar / hexchar )
xchar   = %x21-2A / %x2C-3C / %x3E-7E       ; all but "+" and "="
hexchar = "+" 2HEXDIG                       ; RFC 4954, section 8: in any case
"""

from __future__ import annotations

from ..._strict import Malformed, utf8

_PLAIN = frozenset(range(0x21, 0x7F)) - frozenset(b"+=")
_HEX = frozenset(b"0123456789ABCDEFabcdef")


def encode(text: str) -> str:
    """Write text as xtext."""
    return "".join(
        chr(octet) if octet in _PLAIN else f"+{octet:02X}" for octet in text.encode()
    )


def decode(xtext: bytes) -> bytes:
    """Read xtext; raise ValueError where it breaks the grammar."""
    first, *rest = xtext.split(b"+")
    octets = bytearray(first)
    plain = [first]
    for part in rest:
        if len(part) < 2 or part[0] not in _HEX or part[1] not in _HEX:
            raise Malformed("not xtext (RFC 3461, section 4)")
        octets.append(int(part[:2], 16))
        octets += part[2:]
        plain.append(part[2:])
    if not _PLAIN.issuperset(b"".join(plain)):
        raise Malformed("not xtext (RFC 3461, section 4)")
    return bytes(octets)


def write_identity(mailbox: str) -> str:
    """Write the AUTH parameter of MAIL: `AUTH=` and the mailbox, `AUTH=<>` for "".

    Raise ValueError for what is not a mailbox.
    """
    if mailbox and not _is_mailbox(mailbox):
        raise Malformed("not a mailbox (RFC 5321, section 4.1.2)")
    return "AUTH=" + (encode(mailbox) if mailbox else "<>")


def read_identity(value: bytes) -> str:
    """Read what follows `AUTH=`: a mailbox, or "" for `<>` (nobody, or not known).

    Raise ValueError unless it decodes to one of the two: no control character, and so
    no CR, LF or NUL, ever comes out of here.
    """
    mailbox = utf8(decode(value))
    if mailbox == "<>":
        return ""
    if not _is_mailbox(mailbox):
        raise Malformed("not a mailbox (RFC 5321, section 4.1.2)")
    return mailbox


def asserted_identity(argument: bytes) -> str | None:
    """Return the identity that the argument of MAIL asserts with AUTH=, None if none.

    Raise ValueError where it is malformed.
    """
    found: list[str] = []
    for parameter in _parameters(argument):
        keyword, _, value = parameter.partition(b"=")
        if keyword.upper() == b"AUTH":
            found.append(read_identity(value))
    if len(found) > 1:
        raise Malformed("AUTH= is given twice")
    return found[0] if found else None


def without_identity(argument: bytes) -> bytes:
    """Return the argument of MAIL without AUTH=, for a server that does not know it."""
    for parameter in _parameters(argument):
        if parameter[:5].upper() == b"AUTH=":
            # The last of its kind: the same words may be in the path.
            before, _, behind = argument.rpartition(b" " + parameter)
            argument = before + behind
    return argument


def _parameters(argument: bytes) -> list[bytes]:
    """Split the argument of MAIL; return what follows the reverse-path.

    Old clients put a space after the colon, or no brackets round the path: taken.
    """
    if argument[:5].upper() != b"FROM:":
        raise Malformed("MAIL is followed by FROM: (RFC 5321, section 4.1.1.2)")
    rest = argument[5:].lstrip(b" ")
    end = _path_end(rest)
    if not end or rest[end : end + 1] not in (b"", b" "):
        raise Malformed("not a reverse-path (RFC 5321, section 4.1.2)")
    return [word for word in rest[end:].split(b" ") if word]


def _path_end(text: bytes) -> int:
    """Return where the path ends: a ">" inside a quoted local part does not count."""
    if not text.startswith(b"<"):
        return (text + b" ").index(b" ")
    quoted = escaped = False
    for index, octet in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and octet == 0x5C:
            escaped = True
        elif octet == 0x22:
            quoted = not quoted
        elif octet == 0x3E and not quoted:
            return index + 1
    return 0


def _is_mailbox(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or not text.isprintable():
        return False
    quoted = len(local) > 1 and local[0] == local[-1] == '"'
    return not set(domain + ("" if quoted else local)) & set(' <>"(),;\\')
