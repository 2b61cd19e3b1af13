"""SCRAM upgrade tasks (XEP-0480): from who has just logged in by one hash, a server gets
the keys of another.

    server: "s=" base64(salt) ",i=" iteration-count     as in SCRAM's server-first
    client: SaltedPassword                              of RFC 5802, section 3

XMPP writes them as `<salt iterations='4096'>` and `<hash>`, whose text is the base64 of
the octets here. They are no SASL mechanisms, so they are not registered, but they are in
all but name: `server(UPGRADES["UPGR-SCRAM-SHA-256"], username=...)` with whoever the
login before this one proved.

The SaltedPassword logs in as well as the password does, so it goes over encrypted
channels only. Whether it is that of the same password, nobody can tell: who may do this
may change his password.
"""

from __future__ import annotations

import os
from binascii import b2a_base64
from dataclasses import dataclass, field

from .._errors import StateError
from .._events import Failure, Success
from .._reasons import Reason
from .._records import ScramKeys
from .._requests import SaveScramKeys
from .._scram_math import NAMES, suite
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, base64, integer
from .._values import Identity
from . import Mechanism
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

__all__ = ["UPGRADES"]

_HASHES = {f"UPGR-{name}": hash_name for hash_name, name in NAMES.items()}
_LEAST = 4096  # iterations of new keys (RFC 5802, section 5.1)
_MAX_SALT = 1024  # octets


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first record."""
    password = credentials.password or ""
    return None, _AwaitSalt(
        identities.prepared(password, "password", terms.policy, stored=True)
    )


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the salt, and as many iterations as the keys of others have."""
    if not terms.username:
        raise StateError("an upgrade is for whom a login before it has proved")
    hash_name = _HASHES[terms.name]
    salt = os.urandom(16) if nonce is None else nonce
    _, count = terms.policy.decoy_terms(hash_name, terms.username)
    count = max(count, _LEAST)
    text = b"s=%b,i=%d" % (b2a_base64(salt, newline=False), count)
    return text, _AwaitSaltedPassword(salt, count)


@dataclass(slots=True)
class _AwaitSalt(ClientRecord):
    password: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        text, comma, count = challenge.partition(b",i=")
        if not comma or text[:2] != b"s=" or not 2 < len(text) <= 2 * _MAX_SALT:
            raise Malformed("an upgrade begins with s= and i=")
        salt, (least, most) = base64(text[2:]), terms.policy.iterations
        iterations = integer(count, least, most, "iteration count")
        math = suite(_HASHES[terms.name])
        return math.Hi(self.password, salt, iterations), SATISFIED


@dataclass(slots=True)
class _AwaitSaltedPassword(ServerRecord):
    salt: bytes
    iterations: int

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        math = suite(_HASHES[terms.name])
        if len(response) != math.size:
            raise Malformed("a SaltedPassword has the size of the hash")
        stored_key = math.H(math.HMAC(response, b"Client Key"))
        server_key = math.HMAC(response, b"Server Key")
        keys = ScramKeys(
            math.hash_name, self.salt, self.iterations, stored_key, server_key
        )
        return SaveScramKeys(terms.username, keys), _AwaitSaved(terms.username)


@dataclass(slots=True)
class _AwaitSaved(Asking):
    username: str

    def take(self, answer: bool, terms: Terms) -> ServerMove:
        if not answer:
            return Failure(Reason.NOT_AUTHORIZED, "the keys were not taken"), None
        return Success(Identity(self.username)), None


UPGRADES = {
    name: Mechanism(
        name,
        client,
        server,
        strength=0,  # nobody chooses it: it is named
        needs=("username", "password"),
        asks=(SaveScramKeys,),
        client_first=False,
        authzid=False,
        hash_name=hash_name,
        encrypted=True,
        specification="XEP-0480",
    )
    for name, hash_name in _HASHES.items()
}
