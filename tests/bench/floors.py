"""The floors: straight-line Python that does nothing but the needed hash calls and base64.

Nothing is checked, nothing is kept, nobody is asked. No library can be as fast; how many
times slower it is says what its own machinery costs.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
from binascii import a2b_base64, b2a_base64
from hmac import compare_digest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

USER, PASSWORD, TOKEN = "user@example.com", "pencil.SASL.2026", "ya29." + "t0ken" * 24
HOST, PORT = "mail.example.com", 993
SERVICE, REALM = "imap", "example.com"
SALT, ITERATIONS = bytes(range(16)), 4096
CLIENT_FIRST = b"n,,n=user@example.com,r=fyko+d2lbbFgONRv9qkxdawL"
PLAIN = f"\0{USER}\0{PASSWORD}".encode()
XOAUTH2 = f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01".encode()
OAUTHBEARER = (
    f"n,a={USER},\x01host={HOST}\x01port={PORT}\x01auth=Bearer {TOKEN}\x01\x01".encode()
)

_OUTER = bytes(octet ^ 0x5C for octet in range(256))
_INNER = bytes(octet ^ 0x36 for octet in range(256))


class Keys(NamedTuple):
    """What a password comes to."""

    client: bytes
    stored: bytes
    server: bytes


def hmac_of(name: str) -> Callable[[bytes, bytes], bytes]:
    """Make the fastest HMAC of CPython with OpenSSL 3: two plain hashes."""
    new = getattr(hashlib, name)
    block = new().block_size

    def hmac(key: bytes, message: bytes) -> bytes:
        key = key.ljust(block, b"\0")
        inner = new(key.translate(_INNER) + message).digest()
        digest: bytes = new(key.translate(_OUTER) + inner).digest()
        return digest

    return hmac


SHA256, MD5 = hmac_of("sha256"), hmac_of("md5")


def xor(one: bytes, other: bytes) -> bytes:
    """Combine two strings of 32 octets."""
    mixed = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return mixed.to_bytes(32, "big")


def derive(salt: bytes, iterations: int) -> Keys:
    """Do the slow step of SCRAM-SHA-256."""
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)
    key = SHA256(salted, b"Client Key")
    return Keys(key, hashlib.sha256(key).digest(), SHA256(salted, b"Server Key"))


KEYS = derive(SALT, ITERATIONS)
_TAIL = b",s=%b,i=%d" % (b2a_base64(SALT, newline=False), ITERATIONS)


def scram_server_first(first: bytes) -> tuple[tuple[bytes, bytes], bytes]:
    """Answer a client-first; return what to keep, and the server-first."""
    bare = first[3:]
    nonce = bare[bare.index(b",r=") + 3 :] + b2a_base64(os.urandom(18), newline=False)
    challenge = b"r=" + nonce + _TAIL
    return (bare, challenge), challenge


def scram_server_final(kept: tuple[bytes, bytes], final: bytes) -> bytes:
    """Verify a client-final; return the server-final."""
    without, _, proof = final.rpartition(b",p=")
    message = b"%b,%b,%b" % (*kept, without)
    key = xor(SHA256(KEYS.stored, message), a2b_base64(proof))
    if not compare_digest(hashlib.sha256(key).digest(), KEYS.stored):
        raise ValueError("wrong proof")
    return b"v=" + b2a_base64(SHA256(KEYS.server, message), newline=False)


def scram_client_first() -> tuple[bytes, bytes]:
    """Begin; return what to keep, and the client-first."""
    nonce = b2a_base64(os.urandom(18), newline=False)
    bare = b"n=%b,r=%b" % (USER.encode(), nonce)
    return bare, b"n,," + bare


def scram_client_final(
    bare: bytes, challenge: bytes, keys: Keys | None
) -> tuple[bytes, bytes]:
    """Answer a server-first; return the signature to expect, and the client-final."""
    nonce, salt, count = challenge.split(b",")
    if keys is None:
        keys = derive(a2b_base64(salt[2:]), int(count[2:]))
    without = b"c=biws," + nonce
    message = b"%b,%b,%b" % (bare, challenge, without)
    proof = xor(keys.client, SHA256(keys.stored, message))
    final = without + b",p=" + b2a_base64(proof, newline=False)
    return SHA256(keys.server, message), final


def scram_client_end(expected: bytes, final: bytes) -> None:
    """Verify a server-final."""
    if not compare_digest(a2b_base64(final[2:]), expected):
        raise ValueError("wrong signature")


def plain_client() -> bytes:
    """Write PLAIN's message."""
    return b"\0%b\0%b" % (USER.encode(), PASSWORD.encode())


def plain_server(message: bytes) -> bytes:
    """Read it and compare the password."""
    _, name, password = message.split(b"\0")
    if not compare_digest(password, PASSWORD.encode()):
        raise ValueError("wrong password")
    return name


def cram_challenge() -> bytes:
    """Make a challenge."""
    return b"<%b@%b>" % (os.urandom(16).hex().encode(), HOST.encode())


def cram_response(challenge: bytes) -> bytes:
    """Answer it."""
    digest = MD5(PASSWORD.encode(), challenge).hex()
    return f"{USER} {digest}".encode()


def cram_server(challenge: bytes, response: bytes) -> bytes:
    """Verify the answer."""
    name, _, digest = response.rpartition(b" ")
    expected = MD5(PASSWORD.encode(), challenge).hex().encode()
    if not compare_digest(expected, digest):
        raise ValueError("wrong digest")
    return name


_URI = f"{SERVICE}/{HOST}".encode()
HA1 = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).digest()


def digest_challenge() -> tuple[bytes, bytes]:
    """Begin; return what to keep, and the challenge."""
    nonce = b2a_base64(os.urandom(24), newline=False)
    return nonce, (
        b'realm="%b",nonce="%b",qop="auth",algorithm=md5-sess,charset=utf-8'
        % (REALM.encode(), nonce)
    )


def digest_proofs(nonce: bytes, cnonce: bytes) -> tuple[bytes, bytes]:
    """Do the hashes of both sides: the response, and rspauth."""
    new = hashlib.md5
    a1 = new(b"%b:%b:%b" % (HA1, nonce, cnonce)).hexdigest().encode()
    middle = b"%b:%b:00000001:%b:auth:" % (a1, nonce, cnonce)
    asked = new(b"AUTHENTICATE:" + _URI).hexdigest().encode()
    told = new(b":" + _URI).hexdigest().encode()
    return (
        new(middle + asked).hexdigest().encode(),
        new(middle + told).hexdigest().encode(),
    )


def between(message: bytes, begin: bytes, end: bytes) -> bytes:
    """Cut a value out."""
    at = message.index(begin) + len(begin)
    return message[at : message.index(end, at)]


def digest_server(nonce: bytes, response: bytes) -> bytes:
    """Verify a response; return the rspauth."""
    wanted, rspauth = digest_proofs(nonce, between(response, b'cnonce="', b'"'))
    if not compare_digest(wanted, between(response + b",", b"response=", b",")):
        raise ValueError("wrong response")
    return b"rspauth=" + rspauth


def digest_client(challenge: bytes) -> tuple[bytes, bytes]:
    """Answer a challenge; return the rspauth to expect, and the response."""
    nonce = between(challenge, b'nonce="', b'"')
    cnonce = b2a_base64(os.urandom(24), newline=False)
    response, rspauth = digest_proofs(nonce, cnonce)
    return rspauth, (
        b'charset=utf-8,username="%b",realm="%b",nonce="%b",nc=00000001,'
        b'cnonce="%b",digest-uri="%b",response=%b,qop=auth'
        % (USER.encode(), REALM.encode(), nonce, cnonce, _URI, response)
    )


def digest_client_end(expected: bytes, outcome: bytes) -> None:
    """Verify the rspauth."""
    if not compare_digest(outcome[8:], expected):
        raise ValueError("wrong rspauth")


def xoauth2_server(message: bytes) -> bytes:
    """Read the message and compare the token."""
    name, auth, _, _ = message.split(b"\x01")
    if not compare_digest(auth[12:], TOKEN.encode()):
        raise ValueError("wrong token")
    return name[5:]


def oauthbearer_server(message: bytes) -> bytes:
    """Read the message and compare the token."""
    head, _, _, auth, _, _ = message.split(b"\x01")
    if not compare_digest(auth[12:], TOKEN.encode()):
        raise ValueError("wrong token")
    return head[4:-1]


def lookups(path: str, count: int) -> Callable[[], object]:
    """Return the bare look-up in the table that the store has made."""
    db = sqlite3.connect(path)
    names = itertools.cycle([f"user{number}@example.org" for number in range(count)])
    query = (
        "SELECT username, records, authzids, refusal FROM sasl_account WHERE username=?"
    )
    return lambda: db.execute(query, (next(names),)).fetchone()
