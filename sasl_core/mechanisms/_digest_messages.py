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

# Possessive throughout: whatever comes, each octet is looked at once.
_SPACE = rb"[ \t]*+(?:\r\n[ \t]++)*+"
_WORD = rb"[!#$%&'*+\-.0-9A-Z^_`a-z|~]++"
_TEXT = rb"[\t !#-\[\]-~\x80-\xff]*+"
_QUOTED = rb'"%b(?:\\[\t -~]%b)*+"' % (_TEXT, _TEXT)
# A name begins where no word is cut in two, or a long one would be tried at each octet.
_ITEM = re.compile(
    rb"(?<!%b)(%b)%b=%b(%b|%b)"
    % (_WORD.removesuffix(b"++"), _WORD, _SPACE, _SPACE, _QUOTED, _WORD)
)
_BETWEEN = re.compile(rb"%b(?:,%b)++" % (_SPACE, _SPACE))
_AROUND = re.compile(rb"%b(?:,%b)*+" % (_SPACE, _SPACE))
_PAIR = re.compile(rb"\\(.)")
_MARK = re.compile(rb'["\\]')  # what is written as a pair
# Messages as most peers write them, for a login without a layer; in any order.
_USUAL_CHALLENGE, _USUAL_RESPONSE = (
    re.compile(rb"(?:(?:%b)(?:,|\Z))+" % b"|".join(directives))
    for directives in (
        [
            rb'realm="(%b)"' % _TEXT,
            rb'nonce="(%b)"' % _TEXT,
            rb'qop="(auth)"',
            rb"charset=(utf-8)",
            rb"algorithm=(md5-sess)",
        ],
        [
            rb'realm="(%b)"' % _TEXT,
            rb'username="(%b)"' % _TEXT,
            rb'nonce="(%b)"' % _TEXT,
            rb'cnonce="(%b)"' % _TEXT,
            rb"nc=([0-9a-f]{8})",
            rb'digest-uri="(%b)"' % _TEXT,
            rb"response=([0-9a-f]{32})",
            rb"qop=(auth)",
            rb"charset=(utf-8)",
        ],
    )
)

_CHALLENGE = frozenset(
    b"nonce qop stale maxbuf charset algorithm cipher".split()  # and realms
)
_RESPONSE = frozenset(
    b"username realm nonce cnonce nc qop digest-uri response maxbuf charset cipher"
    b" authzid".split()
)
_RSPAUTH = frozenset({b"rspauth"})
_AUTH_ALONE = frozenset({b"auth"})
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
    uses: bytes  # the nonce count
    cnonce: bytes
    qop: bytes
    uri: bytes
    response: bytes
    buffer: int
    cipher: bytes
    authzid: bytes | None


def read_challenge(message: bytes) -> Challenge:
    """Read a digest-challenge (section 2.1.1); raise Malformed."""
    usual = _usual(_USUAL_CHALLENGE, message)
    if usual is not None:
        realm, (nonce, *_) = usual
        return Challenge(
            () if realm is None else (utf8(realm),),
            nonce,
            _AUTH_ALONE,
            frozenset(),
            _DEFAULT_BUFFER,
            "utf-8",
        )
    found, names, values = _directives(message, 2048, _CHALLENGE)
    nonce = found.get(b"nonce", b"")
    if not nonce:
        raise Malformed("no nonce in the challenge (RFC 2831, section 2.1.1)")
    if found.get(b"algorithm", b"").lower() != b"md5-sess":
        raise Malformed("the algorithm is not md5-sess (RFC 2831, section 2.1.1)")
    charset = _charset(found)
    qop = _words(found.get(b"qop", b"auth"))
    ciphers: frozenset[bytes] = frozenset()
    if b"cipher" in found:
        ciphers = _words(found[b"cipher"])
    elif b"auth-conf" in qop:
        raise Malformed("confidentiality without a cipher (RFC 2831, section 2.1.1)")
    realms: tuple[str, ...] = ()
    if b"realm" in found:
        pairs = zip(names, values, strict=True)
        realms = tuple(
            [_text(text, charset) for name, text in pairs if name == b"realm"]
        )
    return Challenge(realms, nonce, qop, ciphers, _buffer(found), charset)


def read_response(message: bytes) -> Response:
    """Read a digest-response (section 2.1.2); raise Malformed."""
    usual = _usual(_USUAL_RESPONSE, message)
    if usual is not None:
        realm, (username, nonce, cnonce, count, uri, response, *_) = usual
        return Response(
            utf8(username),
            None if realm is None else utf8(realm),
            nonce,
            count,
            cnonce,
            b"auth",
            uri,
            response,
            _DEFAULT_BUFFER,
            b"",
            None,
        )
    found, _, _ = _directives(message, 4096, _RESPONSE)
    try:
        username, nonce, cnonce = found[b"username"], found[b"nonce"], found[b"cnonce"]
        count, uri, response = found[b"nc"], found[b"digest-uri"], found[b"response"]
    except KeyError:
        username = nonce = cnonce = count = uri = response = b""
    if not (username and nonce and cnonce and uri):
        raise Malformed("a directive is missing or empty (RFC 2831, section 2.1.2)")
    if len(count) != 8 or count.translate(None, _HEX):
        raise Malformed("the nonce count is not of 8 hexadecimal digits")
    if len(response) != 32 or response.translate(None, _HEX):
        raise Malformed("the response is not of 32 hexadecimal digits")
    get, charset = found.get, _charset(found)
    given, authzid = get(b"realm"), get(b"authzid")
    if authzid == b"":
        raise Malformed("the authzid is empty (RFC 2831, section 2.1.2)")
    return Response(
        _name(username, charset),
        None if given is None else _name(given, charset),
        nonce,
        count,
        cnonce,
        get(b"qop", b"auth"),
        uri,
        response,
        _buffer(found),
        get(b"cipher", b""),
        authzid,
    )


def read_rspauth(message: bytes) -> bytes:
    """Read a response-auth (section 2.1.3); raise Malformed."""
    rspauth = message.removeprefix(b"rspauth=")
    if rspauth is message or len(rspauth) != 32 or rspauth.translate(None, _HEX):
        found, _, _ = _directives(message, 2048, _RSPAUTH)
        rspauth = found.get(b"rspauth", b"")
    if len(rspauth) != 32 or rspauth.translate(None, _HEX):
        raise Malformed("no rspauth of 32 hexadecimal digits (RFC 2831, section 2.1.3)")
    return rspauth


def write_response(said: Response, charset: str) -> bytes:
    """Write a digest-response: names in this charset, sizes for a layer only."""
    parts = [b"charset=utf-8"] if charset == "utf-8" else []
    parts.append(b"username=" + quote(said.username.encode(charset)))
    if said.realm is not None:
        parts.append(b"realm=" + quote(said.realm.encode(charset)))
    parts.append(
        b"nonce=%b,nc=%b,cnonce=%b,digest-uri=%b,response=%b,qop=%b"
        % (
            quote(said.nonce),
            said.uses,
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
    if _MARK.search(value):
        value = _MARK.sub(rb"\\\g<0>", value)
    return b'"%b"' % value


def _usual(
    pattern: re.Pattern[bytes], message: bytes
) -> tuple[bytes | None, list[bytes]] | None:
    """Read all directives at once; None for what has to be read one by one.

    Returns the realm, None where there is none, and the values of all others. Each came
    once: one that comes twice leaves more commas than there are values.
    """
    match = pattern.fullmatch(message) if len(message) < 2048 else None
    if match is None:
        return None
    realm, *others = match.groups()
    if not all(others) or message.count(b",") != len(others) - (realm is None):
        return None
    return realm, others


def _directives(
    message: bytes, limit: int, known: frozenset[bytes]
) -> tuple[dict[bytes, bytes], list[bytes], list[bytes]]:
    """Return the directives by name, and all names and values in their order.

    `known` are the names of which none may come twice.
    """
    if len(message) >= limit:
        raise Malformed(f"a message of {limit} octets or more (RFC 2831, section 2.1)")
    # Cut out, the directives leave what is around them: in the best case, commas.
    pieces = _ITEM.split(message)
    around, names = pieces[::3], pieces[1::3]
    if around.count(b",") != len(names) - 1 or around[0] or around[-1]:
        _check_separators(around)
    values = [value.strip(b'"') for value in pieces[2::3]]
    if b"\\" in message:
        values = [
            _PAIR.sub(rb"\1", value[1:-1]) if value[0] == 0x22 else value
            for value in pieces[2::3]
        ]
    found = dict(zip(names, values, strict=True))
    if len(found) != len(names) or not known.issuperset(found):
        names = [name.lower() for name in names]
        once = [name for name in names if name in known]
        if len(set(once)) != len(once):
            raise Malformed("a directive comes twice (RFC 2831, section 2.1)")
        found = dict(zip(names, values, strict=True))
    return found, names, values


def _check_separators(around: list[bytes]) -> None:
    if len(around) == 1 or not (
        all(map(_BETWEEN.fullmatch, around[1:-1]))
        and all(map(_AROUND.fullmatch, (around[0], around[-1])))
    ):
        raise Malformed("not a list of directives (RFC 2831, section 7.1)")


def _charset(found: dict[bytes, bytes]) -> str:
    charset = found.get(b"charset")
    if charset == b"utf-8":
        return "utf-8"
    if charset is None:
        return "latin-1"
    if charset.lower() != b"utf-8":
        raise Malformed("a charset other than utf-8 (RFC 2831, section 2.1)")
    return "utf-8"


def _text(octets: bytes, charset: str) -> str:
    return utf8(octets) if charset == "utf-8" else octets.decode("latin-1")


def _name(octets: bytes, charset: str) -> str:
    """Read what a client sent: Cyrus's sends UTF-8 without a word of it, and what is
    UTF-8 by chance is no name in ISO 8859-1.
    """
    if charset != "utf-8":
        try:
            return octets.decode()
        except UnicodeDecodeError:
            pass
    return _text(octets, charset)


def _buffer(found: dict[bytes, bytes]) -> int:
    digits = found.get(b"maxbuf")
    if digits is None:
        return _DEFAULT_BUFFER
    return integer(digits.lstrip(b"0") or digits, 17, (1 << 24) - 1, "maxbuf")


def _words(value: bytes) -> frozenset[bytes]:
    if value == b"auth":
        return _AUTH_ALONE
    return frozenset(word.strip(b" \t").lower() for word in value.split(b",")) - {b""}
