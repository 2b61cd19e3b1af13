"""CRAM-MD5 (RFC 2195): an HMAC-MD5 of the server's challenge.

response = username SP 32LHEX
"""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from dataclasses import dataclass, field

from .._events import Failure, FindPassword, Success
from .._reasons import Reason
from .._saslprep import PrepError, saslprep
from .._scram_math import hmac_of
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, encoded
from .._values import Identity
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials
    from ..records import CramMd5Secret

_HMAC = hmac_of(hashlib.md5)
_HEX = b"0123456789abcdef"
_NOBODY = os.urandom(32)  # the password of users who do not exist: same work for both


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first record."""
    username = identities.write(credentials.username, "user name")
    password = _prepared(credentials.password or "", terms.policy)
    return None, _AwaitChallenge(username, identities.write_password(password))


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge, an RFC 822 msg-id, and first record."""
    challenge = nonce
    if challenge is None:
        host = terms.channel.host or "localhost"
        text = f"<{os.urandom(16).hex()}@{host}>"
        challenge = text.encode("ascii", "replace")
    return challenge, _AwaitDigest(challenge)


@dataclass(slots=True)
class _AwaitChallenge(ClientRecord):
    username: bytes
    password: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        # Any challenge is answered, angle brackets or not; but never an empty one,
        # whose digest would be the same each time.
        if not challenge:
            raise Malformed("a CRAM-MD5 challenge is not empty (RFC 2195, section 2)")
        digest = _HMAC(self.password, challenge).hex()
        return b"%b %b" % (self.username, digest.encode()), SATISFIED


@dataclass(slots=True)
class _AwaitDigest(ServerRecord):
    challenge: bytes

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        # A user name may hold spaces: the last one separates.
        name, space, digest = response.rpartition(b" ")
        if not space or len(digest) != 32 or digest.translate(None, _HEX):
            raise Malformed(
                "CRAM-MD5 is a name, a space, 32 hexadecimal digits (RFC 2195)"
            )
        username = identities.read(name, "user name", terms.policy)
        return (
            FindPassword(username),
            _AwaitPassword(username, self.challenge, digest),
        )


@dataclass(slots=True)
class _AwaitPassword(Asking):
    username: str
    challenge: bytes
    digest: bytes = field(repr=False)

    def take(self, answer: str | CramMd5Secret | None, terms: Terms) -> ServerMove:
        if answer is None or isinstance(answer, str):
            password = b""  # nobody can send a lone surrogate
            with suppress(ValueError):
                password = encoded(_prepared(answer or "", terms.policy))
            known, expected = bool(password), _HMAC(password or _NOBODY, self.challenge)
        else:
            known, expected = True, answer.hmac(self.challenge)
        if not hmac.compare_digest(expected.hex().encode(), self.digest) or not known:
            return Failure(Reason.BAD_CREDENTIALS, "unknown user or wrong digest"), None
        return Success(Identity(self.username)), None


def _prepared(password: str, policy: Policy) -> str:
    """Prepare a password where it can be; what cannot goes as it is.

    RFC 2195 says nothing of it, draft-ietf-sasl-crammd5-09 wants it, and GNU SASL does it.
    """
    if policy.prepare and not (password.isascii() and password.isprintable()):
        with suppress(PrepError):
            return saslprep(password, stored=False) or password
    return password
