r"""What DIGEST-MD5's messages look like (RFC 2831, sections 2.1 and 7).

message   = #( name "=" ( token / quoted-string ) )     white space between all words
quoted    = DQUOTE *( qdtext / "\" CHAR ) DQUOTE        qdtext: no control but HTAB

The grammar says which values are quoted and which are not, and nobody keeps to it:
Dovecot quotes charset and algorithm, curl nc, WildFly cipher; QXmpp does not quote user
names. So either is taken for any of them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._strict import Malformed, integer, utf8

_SPACE = rb"(?:(?:\r\n)?[ \t])*+"
_WORD = rb"[!#$%&'*+\-.0-9A-Z^_`a-z|~]++"
_QUOTED = rb'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[\t -~])*+)"'
_ITEM = rb"(%b)%b=%b(?:%b|(%b))%b" % (_WORD, _SPACE, _SPACE, _QUOTED, _WORD, _SPACE)
_ITEMS = re.compile(_ITEM)
# Possessive throughout: whatever comes, each octet is looked at once.
_LIST = re.compile(rb"%b(?:%b)?+(?:,%b(?:%b)?+)*+" % (_SPACE, _ITEM, _SPACE, _ITEM))
_PAIR = re.compile(rb"\\(.)")

_CHALLENGE = frozenset(
    b"nonce qop stale maxbuf charset algorithm cipher".split()  # and realms
)
_RESPONSE = frozenset(
    b"username realm nonce cnonce nc qop digest-uri response maxbuf charset cipher"
    b" authzid".split()
)
_NEEDED = {
    name: f"no {name.decode()} (RFC 2831, section 2.1.2)"
    for name in (b"username", b"nonce", b"cnonce", b"nc", b"digest-uri", b"response")
}
_HEX = b"0123456789abcdef"
_DEFAULT_BUFFER = 65536  # section 2.1.1, of maxbuf


class Challenge(NamedTuple):
    """What a server offers."""

    realms: tuple[str, ...]
    nonce: bytes
    qop: frozenset[bytes]
    ciphers: frozenset[bytes]
    buffer: int
    charset: str


class Response(NamedTuple):
    """What a client answers. A realm of None was not sent; "" was."""

    username: str
    realm: str | None
    nonce: bytes
    cnonce: bytes
    qop: bytes
    uri: bytes
    response: bytes
    buffer: int
    cipher: bytes
    authzid: bytes | None


def read_challenge(message: bytes) -> Challenge:
    """Read a digest-challenge (section 2.1.1); raise Malformed."""
    items = _directives(message, 2048)
    found = dict(items)
    if len(found) != len(items):
        _refuse_twins(items, _CHALLENGE)
    nonce = found.get(b"nonce")
    if not nonce:
        raise Malformed("no nonce in the challenge (RFC 2831, section 2.1.1)")
    if found.get(b"algorithm", b"").lower() != b"md5-sess":
        raise Malformed("the algorithm is not md5-sess (RFC 2831, section 2.1.1)")
    charset = _charset(found)
    qop = _words(found.get(b"qop", b"auth"))
    ciphers = _words(found.get(b"cipher", b""))
    if b"auth-conf" in qop and not ciphers:
        raise Malformed("confidentiality without a cipher (RFC 2831, section 2.1.1)")
    realms = tuple(_text(value, charset) for name, value in items if name == b"realm")
    return Challenge(realms, nonce, qop, ciphers, _buffer(found), charset)


def read_response(message: bytes) -> Response:
    """Read a digest-response (section 2.1.2); raise Malformed."""
    items = _directives(message, 4096)
    found = dict(items)
    if len(found) != len(items):
        _refuse_twins(items, _RESPONSE)
    get = found.get
    for name, problem in _NEEDED.items():
        if not get(name):
            raise Malformed(problem)
    if found[b"nc"] != b"00000001":
        # There is one authentication by a nonce: who counts on repeats one.
        raise Malformed("the nonce count is not 00000001 (RFC 2831, section 2.1.2)")
    response = found[b"response"]
    if len(response) != 32 or response.translate(None, _HEX):
        raise Malformed("the response is not of 32 hexadecimal digits")
    if get(b"authzid") == b"":
        raise Malformed("the authzid is empty (RFC 2831, section 2.1.2)")
    charset = _charset(found)
    realm = get(b"realm")
    return Response(
        _text(found[b"username"], charset),
        None if realm is None else _text(realm, charset),
        found[b"nonce"],
        found[b"cnonce"],
        get(b"qop", b"auth"),
        found[b"digest-uri"],
        response,
        _buffer(found),
        get(b"cipher", b""),
        get(b"authzid"),
    )


def read_rspauth(message: bytes) -> bytes:
    """Read a response-auth (section 2.1.3); raise Malformed."""
    items = _directives(message, 2048)
    found = dict(items)
    rspauth = found.get(b"rspauth", b"")
    if len(found) != len(items) or len(rspauth) != 32 or rspauth.translate(None, _HEX):
        raise Malformed("no rspauth of 32 hexadecimal digits (RFC 2831, section 2.1.3)")
    return rspauth


def write_response(said: Response, charset: str) -> bytes:
    """Write a digest-response: names in this charset, sizes for a layer only."""
    parts = [b"charset=utf-8"] if charset == "utf-8" else []
    parts.append(b"username=" + quote(said.username.encode(charset)))
    if said.realm is not None:
        parts.append(b"realm=" + quote(said.realm.encode(charset)))
    parts.append(
        b"nonce=%b,nc=00000001,cnonce=%b,digest-uri=%b,response=%b,qop=%b"
        % (
            quote(said.nonce),
            quote(said.cnonce),
            quote(said.uri),
            said.response,
            said.qop,
        )
    )
    if said.qop != b"auth":
        parts.append(b"maxbuf=%d" % said.buffer)
    if said.cipher:
        parts.append(b"cipher=" + said.cipher)
    if said.authzid is not None:
        parts.append(b"authzid=" + quote(said.authzid))
    return b",".join(parts)


def quote(value: bytes) -> bytes:
    """Write a quoted-string."""
    if b'"' in value or b"\\" in value:
        value = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"%b"' % value


def _directives(message: bytes, limit: int) -> list[tuple[bytes, bytes]]:
    if len(message) >= limit:
        raise Malformed(f"a message of {limit} octets or more (RFC 2831, section 2.1)")
    if not _LIST.fullmatch(message):
        raise Malformed("not a list of directives (RFC 2831, section 7.1)")
    items = _ITEMS.findall(message)
    if b"\\" in message:
        return [
            (name.lower(), _PAIR.sub(rb"\1", quoted) or word)
            for name, quoted, word in items
        ]
    return [(name.lower(), quoted or word) for name, quoted, word in items]


def _refuse_twins(items: list[tuple[bytes, bytes]], known: frozenset[bytes]) -> None:
    names = [name for name, _ in items if name in known]
    if len(set(names)) != len(names):
        raise Malformed("a directive comes twice (RFC 2831, section 2.1)")


def _charset(found: dict[bytes, bytes]) -> str:
    charset = found.get(b"charset")
    if charset is None:
        return "latin-1"
    if charset.lower() != b"utf-8":
        raise Malformed("a charset other than utf-8 (RFC 2831, section 2.1)")
    return "utf-8"


def _text(octets: bytes, charset: str) -> str:
    return utf8(octets) if charset == "utf-8" else octets.decode("latin-1")


def _buffer(found: dict[bytes, bytes]) -> int:
    digits = found.get(b"maxbuf")
    if digits is None:
        return _DEFAULT_BUFFER
    return integer(digits, 17, (1 << 24) - 1, "maxbuf")


def _words(value: bytes) -> frozenset[bytes]:
    return frozenset(word.strip(b" \t").lower() for word in value.split(b",")) - {b""}
