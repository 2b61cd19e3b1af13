"""LOGIN (draft-murchison-sasl-login): name and password, each to a prompt.

Never standardized and everywhere in use. The prompts differ from server to server, so
the client answers by order, whatever they say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .._events import CheckPassword
from .._states import SATISFIED, ClientRecord, ServerRecord
from . import _identities as identities
from .plain import AwaitVerdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first record."""
    return None, _AwaitUserPrompt(
        identities.write(credentials.username, "user name"),
        identities.write_password(credentials.password),
    )


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"Username:", _AWAIT_USERNAME


@dataclass(slots=True)
class _AwaitUserPrompt(ClientRecord):
    username: bytes
    password: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        return self.username, _AwaitPasswordPrompt(self.password)


@dataclass(slots=True)
class _AwaitPasswordPrompt(ClientRecord):
    password: bytes = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        return self.password, SATISFIED


class _AwaitUsername(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        username = identities.read(response, "user name", terms.policy, stored=True)
        return b"Password:", _AwaitPassword(username)


_AWAIT_USERNAME = _AwaitUsername()


@dataclass(slots=True)
class _AwaitPassword(ServerRecord):
    username: str

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        password = identities.read_password(response, terms.policy)
        return CheckPassword(self.username, password), AwaitVerdict(self.username)
