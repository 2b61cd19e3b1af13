"""X-OAUTH2, of Google Talk once and of ejabberd: a bearer token in the place of PLAIN's
password.

    message = [authzid] NUL user NUL token

It says no more of a refusal than that: OAUTHBEARER (RFC 7628) has come after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._events import CheckToken, Failure, Success
from .._reasons import Reason
from .._states import SATISFIED, Asking, ServerRecord
from .._strict import Malformed
from .._values import Identity, TokenError
from . import _identities as identities
from . import _oauth as oauth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    authzid = credentials.authzid
    fields = (
        identities.write(authzid, "authzid") if authzid else b"",
        identities.write(credentials.username, "user name"),
        oauth.write_token(credentials.token),
    )
    return b"\0".join(fields), SATISFIED


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_MESSAGE


class _AwaitMessage(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        fields = response.split(b"\0", 3)
        if len(fields) != 3:
            raise Malformed("X-OAUTH2 has two NULs")
        authzid, policy = fields[0], terms.policy
        username = identities.read(fields[1], "user name", policy)
        wanted = identities.read(authzid, "authzid", policy) if authzid else username
        token = oauth.read_token(b"Bearer " + fields[2])
        return CheckToken(token, username, None, None), _AwaitVerdict(wanted)


_AWAIT_MESSAGE = _AwaitMessage()


@dataclass(slots=True)
class _AwaitVerdict(Asking):
    wanted: str

    def take(self, answer: str | TokenError, terms: Terms) -> ServerMove:
        if isinstance(answer, TokenError):
            return Failure(Reason.BAD_CREDENTIALS, "the token was refused"), None
        return Success(Identity(answer, self.wanted)), None
