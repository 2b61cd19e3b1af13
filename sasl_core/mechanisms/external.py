"""EXTERNAL (RFC 4422, appendix A): the identity was proven outside, by TLS or IPsec.

initial-response = *( UTF8-char-no-nul )
"""

from __future__ import annotations

from .._events import Success
from .._states import SATISFIED, ServerRecord
from .._values import Identity
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    authzid = credentials.authzid
    return identities.write(authzid, "authzid") if authzid else b"", SATISFIED


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_AUTHZID


class _AwaitAuthzid(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        authzid = ""
        if response:
            authzid = identities.read(response, "authzid", terms.policy)
        # Not on offer without an identity; an empty one would be everybody's.
        return Success(Identity(terms.channel.external or "", authzid)), None


_AWAIT_AUTHZID = _AwaitAuthzid()
