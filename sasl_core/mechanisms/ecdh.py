"""ECDH-X25519-CHALLENGE, of IRC services: take the mask off what the server draws.

    initiator = authcid [NUL authzid]
    challenge = public-key salt masked          ; 32OCTET each; masked = drawn XOR mask
    response  = drawn

    shared = X25519(one's secret key, the other's public key)          ; RFC 7748
    mask   = HKDF(salt, SHA-256(shared client-key server-key), name)   ; RFC 5869

No document describes it: the code of Atheme does, which has it since 7.3. Whoever has the
secret key of the public one that the server knows can take the mask off. The server
proves nothing, and its challenge can be passed on: the channel must.

X25519 is handed in: to a client with its secret key, `Credentials.x25519`; to a server as
it is, `Policy.x25519`. `adapters.cryptography` has it.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256

from .._errors import CredentialsError
from .._events import Failure, Success
from .._reasons import Reason
from .._requests import FindPublicKey
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed
from .._x25519 import BASE, SIZE, is_low_order
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import X25519, Credentials, Identity

_INFO = b"ECDH-X25519-CHALLENGE"


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    x25519 = credentials.x25519
    if x25519 is None:
        raise Malformed("there is no x25519")
    return identities.write_pair(credentials), _AwaitChallenge(x25519)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record.

    The nonce is its secret key, the salt, and what it draws.
    """
    return b"", _AwaitName(os.urandom(3 * SIZE) if nonce is None else nonce)


@dataclass(slots=True)
class _AwaitChallenge(ClientRecord):
    x25519: X25519 = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        if len(challenge) != 3 * SIZE:
            raise Malformed(f"a challenge has {3 * SIZE} octets")
        theirs, salt, masked = _thirds(challenge)
        if is_low_order(theirs):
            raise Malformed("a public key of low order (RFC 7748, section 6.1)")
        mine, shared = self.x25519(BASE), self.x25519(theirs)
        if not all(
            type(each) is bytes and len(each) == SIZE for each in (mine, shared)
        ):
            return CredentialsError(f"x25519 gave no {SIZE} octets"), None
        return _xor(masked, _mask(shared, mine, theirs, salt)), SATISFIED


@dataclass(slots=True)
class _AwaitName(ServerRecord):
    nonce: bytes = field(repr=False)

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        identity = identities.read_pair(response, terms.policy)
        return FindPublicKey(identity.authcid), _AwaitPublicKey(self.nonce, identity)


@dataclass(slots=True)
class _AwaitPublicKey(Asking):
    nonce: bytes = field(repr=False)
    identity: Identity

    def take(self, answer: bytes | None, terms: Terms) -> ServerMove:
        x25519: Any = terms.policy.x25519  # which no server of this is without
        secret, salt, drawn = _thirds(self.nonce)
        # Nobody's key, for whom there is none: the same work, and all looks the same.
        theirs = answer or salt
        known = not is_low_order(theirs) and answer is not None
        if not known:
            theirs = salt
        mine = x25519(secret, BASE)
        masked = _xor(drawn, _mask(x25519(secret, theirs), theirs, mine, salt))
        return mine + salt + masked, _AwaitDrawn(drawn, self.identity, known)


@dataclass(slots=True)
class _AwaitDrawn(ServerRecord):
    drawn: bytes = field(repr=False)
    identity: Identity
    known: bool

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        if len(response) != SIZE:
            raise Malformed(f"a response has {SIZE} octets")
        if not hmac.compare_digest(response, self.drawn) or not self.known:
            detail = "unknown user or wrong key"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        return Success(self.identity), None


def _thirds(octets: bytes) -> tuple[bytes, bytes, bytes]:
    return octets[:SIZE], octets[SIZE:-SIZE], octets[-SIZE:]


def _mask(shared: bytes, client: bytes, server: bytes, salt: bytes) -> bytes:
    """Derive the mask; HKDF's first block is as long as that (RFC 5869, section 2)."""
    prk = hmac.digest(salt, sha256(shared + client + server).digest(), "sha256")
    return hmac.digest(prk, _INFO + b"\x01", "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
