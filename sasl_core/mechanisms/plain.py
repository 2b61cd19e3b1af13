"""PLAIN (RFC 4616): one message with everything in it.

message = [authzid] UTF8NUL authcid UTF8NUL passwd
"""

from __future__ import annotations

from dataclasses import dataclass

from .._events import CheckPassword, Failure, Success
from .._reasons import Reason
from .._states import SATISFIED, Asking, ServerRecord
from .._strict import Malformed
from .._values import Identity
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    password = identities.write_password(credentials.password)
    return write(credentials, password), SATISFIED


def write(credentials: Credentials, secret: bytes) -> bytes:
    """Write the message, with whatever stands in the password's place; raise Malformed."""
    authzid = credentials.authzid
    fields = (
        identities.write(authzid, "authzid") if authzid else b"",
        identities.write(credentials.username, "user name"),
        secret,
    )
    return b"\0".join(fields)


def read(response: bytes, policy: Policy) -> tuple[str, str, bytes]:
    """Return the authzid ("" for none), the user name, and what stands in the password's
    place; raise Malformed.
    """
    fields = response.split(b"\0", 3)
    if len(fields) != 3:
        raise Malformed("PLAIN has two NULs (RFC 4616, section 2)")
    wanted, name, secret = fields
    # An account's name is never made of code points that no preparation was defined
    # for; a password may be (RFC 4616 leaves it open).
    username = identities.read(name, "user name", policy, stored=True)
    authzid = identities.read(wanted, "authzid", policy) if wanted else ""
    return authzid, username, secret


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_MESSAGE


class _AwaitMessage(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        wanted, username, secret = read(response, terms.policy)
        password = identities.read_password(secret, terms.policy)
        return CheckPassword(username, password), AwaitVerdict(username, wanted)


_AWAIT_MESSAGE = _AwaitMessage()


@dataclass(slots=True)
class AwaitVerdict(Asking):
    """Wait for the application's word on a password."""

    authcid: str
    authzid: str = ""

    def take(self, answer: bool, terms: Terms) -> ServerMove:
        """Take the answer to `CheckPassword`."""
        if not answer:
            return Failure(
                Reason.BAD_CREDENTIALS, "unknown user or wrong password"
            ), None
        return Success(Identity(self.authcid, self.authzid)), None
