"""XOAUTH2 (Google's, Microsoft's): OAUTHBEARER before it was standardized.

message = "user=" user %x01 "auth=Bearer " token %x01 %x01
"""

from __future__ import annotations

from .._events import CheckToken
from .._states import ServerRecord
from .._strict import Malformed
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
    mine = credentials
    user = identities.write(mine.authzid or mine.username, "user name")
    if b"\x01" in user:
        raise Malformed("the user name holds a %x01")
    token = oauth.write_token(mine.token)
    message = b"user=%b\x01auth=Bearer %b\x01\x01" % (user, token)
    return message, oauth.AwaitVerdict(b"")


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_MESSAGE


class _AwaitMessage(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        fields = response.split(b"\x01", 4)
        if (
            len(fields) != 4
            or fields[2]
            or fields[3]
            or fields[0][:5] != b"user="
            or fields[1][:5] != b"auth="
        ):
            raise Malformed("XOAUTH2 is user=, %x01, auth=Bearer and a token, two %x01")
        username = identities.read(fields[0][5:], "user name", terms.policy)
        token = oauth.read_token(fields[1][5:])
        return (
            CheckToken(token, username, None, None),
            oauth.AwaitToken(username, legacy=True),
        )


_AWAIT_MESSAGE = _AwaitMessage()
