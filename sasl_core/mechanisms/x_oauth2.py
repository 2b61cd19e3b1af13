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
from .._values import Identity, TokenError
from . import _oauth as oauth
from . import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    return plain.write(credentials, oauth.write_token(credentials.token)), SATISFIED


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_MESSAGE


class _AwaitMessage(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        wanted, username, secret = plain.read(response, terms.policy)
        token = oauth.read_token(b"Bearer " + secret)
        asked = CheckToken(token, username, None, None)
        return asked, _AwaitVerdict(wanted or username)


_AWAIT_MESSAGE = _AwaitMessage()


@dataclass(slots=True)
class _AwaitVerdict(Asking):
    wanted: str

    def take(self, answer: str | TokenError, terms: Terms) -> ServerMove:
        if isinstance(answer, TokenError):
            return Failure(Reason.BAD_CREDENTIALS, "the token was refused"), None
        return Success(Identity(answer, self.wanted)), None
