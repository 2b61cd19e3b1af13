"""APOP (RFC 1939, section 7): an MD5 of POP3's banner and the password.

challenge = the banner's timestamp, an RFC 822 msg-id
response  = username SP 32LHEX              the digest of timestamp and password

It is no SASL mechanism, so it is not registered, but it is one in all but name: the
challenge stands in the banner, the response behind the command. It is obsolete: who
speaks in the server's place picks timestamps whose collisions tell the password, octet
by octet (CVE-2007-1558). Either side runs it only if its policy names it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from dataclasses import dataclass, field

from .._events import Failure, FindPassword, Success
from .._reasons import Reason
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, encoded
from .._values import Identity
from . import Mechanism
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

__all__ = ["APOP", "find_timestamp"]

_HEX = b"0123456789abcdef"
_VISIBLE = bytes(range(0x21, 0x7F))
_NOBODY = os.urandom(16)  # the password of users who do not exist: same work for both


def find_timestamp(banner: bytes) -> bytes:
    """Return the first msg-id in a banner, b"" where there is none.

    Only what RFC 822 allows counts, for octets beyond that are what the collisions of
    CVE-2007-1558 need. Linear, whatever the banner is (CVE-2018-1060).
    """
    for piece in banner.split(b"<")[1:]:
        inner, end, _ = piece.partition(b">")
        if end and _is_address(inner):
            return b"<%b>" % inner
    return b""


def _is_address(text: bytes) -> bool:
    local, at, domain = text.partition(b"@")
    return bool(local and at and domain) and not (
        text.translate(None, _VISIBLE) or b"@" in domain
    )


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first record."""
    username = identities.write(credentials.username, "user name")
    password = identities.write_password(credentials.password)
    return None, _AwaitTimestamp(username, password)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the banner's timestamp, and the first record."""
    timestamp = nonce
    if timestamp is None:
        host = terms.channel.host.encode("ascii", "replace")
        fresh = os.urandom(16).hex().encode()
        timestamp = b"<%b@%b>" % (fresh, host)
        if find_timestamp(timestamp) != timestamp:
            timestamp = b"<%b@localhost>" % fresh
    return timestamp, _AwaitDigest(timestamp)


APOP = Mechanism(
    "APOP",
    client,
    server,
    strength=25,
    needs=("username", "password"),
    asks=(FindPassword,),
    client_first=False,
    authzid=False,
    hash_name="md5",
    specification="RFC 1939, section 7",
    obsolete=True,
)


@dataclass(slots=True)
class _AwaitTimestamp(ClientRecord):
    username: bytes
    password: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        if not challenge or find_timestamp(challenge) != challenge:
            raise Malformed("the timestamp is no msg-id (RFC 1939, section 7)")
        digest = _digest(challenge, self.password)
        return b"%b %b" % (self.username, digest), SATISFIED


@dataclass(slots=True)
class _AwaitDigest(ServerRecord):
    timestamp: bytes

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        # A user name may hold spaces: the last one separates.
        name, space, digest = response.rpartition(b" ")
        if not space or len(digest) != 32 or digest.translate(None, _HEX):
            raise Malformed(
                "APOP is a name, a space, 32 hexadecimal digits (RFC 1939, section 7)"
            )
        username = identities.read(name, "user name", terms.policy)
        return FindPassword(username), _AwaitPassword(username, self.timestamp, digest)


@dataclass(slots=True)
class _AwaitPassword(Asking):
    username: str
    timestamp: bytes
    digest: bytes = field(repr=False)

    def take(self, answer: str | None, terms: Terms) -> ServerMove:
        # RFC 1939 says nothing of preparing the password: its octets count as they are.
        password = b""
        with suppress(ValueError):  # nobody can send a lone surrogate
            password = encoded(answer or "")
        expected = _digest(self.timestamp, password or _NOBODY)
        if not hmac.compare_digest(expected, self.digest) or not password:
            return Failure(Reason.BAD_CREDENTIALS, "unknown user or wrong digest"), None
        return Success(Identity(self.username)), None


def _digest(timestamp: bytes, password: bytes) -> bytes:
    digest = hashlib.md5(timestamp + password)  # noqa: S324 -- RFC 1939 has no other
    return digest.hexdigest().encode()
