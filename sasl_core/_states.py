"""The words in which a mechanism is written: one record per waiting point.

A record holds what later steps need, and has one method, which takes what it waits for
and returns a move: what happens now, and the next record (None: the exchange is over).
The facts of the exchange, its terms, are handed in each time: a record that has nothing
to remember can be one object for all exchanges.
"""

from __future__ import annotations

from ._strict import Malformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Protocol, TypeAlias

    from ._advertised import Advertised
    from ._channel import Channel
    from ._errors import SASLError
    from ._events import Failure, Request, Success
    from ._policy import Policy
    from ._profile import Profile
    from ._values import TokenError
    from .layers import Layer

    class Terms(Protocol):
        """What a mechanism may know of its exchange.

        `plus`: the -PLUS variant of `name` is on offer too. `realm`: a server's only.
        `username`: a server's, whom the protocol named before the exchange.
        `advertised`: what the server told of its mechanisms, None for nothing to check.
        `needs_summary`: a client's, which could bind, but by none of the types that came.
        """

        @property
        def name(self) -> str: ...
        @property
        def channel(self) -> Channel: ...
        @property
        def policy(self) -> Policy: ...
        @property
        def profile(self) -> Profile: ...
        @property
        def plus(self) -> bool: ...
        @property
        def realm(self) -> str | tuple[str, ...] | None: ...
        @property
        def username(self) -> str: ...
        @property
        def advertised(self) -> Advertised | None: ...
        @property
        def needs_summary(self) -> bool: ...

    # What a client begins with: its initial response, None where the server speaks
    # first; and the record that waits for what comes then. What makes it raises
    # Malformed for credentials that the mechanism cannot carry.
    ClientOpening: TypeAlias = tuple[bytes | None, "ClientRecord"]
    # A client's record answers with octets, or ends with the error to raise.
    ClientMove: TypeAlias = tuple[bytes | SASLError, "ClientRecord | None"]
    # What a server begins with: the challenge for a client that sent no initial
    # response, empty where the client speaks first, or the request that gives it; and
    # the record that waits for what follows, and for an initial response.
    ServerOpening: TypeAlias = tuple["bytes | Request", "ServerRecord"]
    # A server's record challenges with octets, asks, refuses, or succeeds: its Success
    # has raw data, and is final only once `Authorize` is settled.
    ServerMove: TypeAlias = tuple[
        "bytes | Request | Success | Failure",
        "ServerRecord | Asking | None",
    ]


class ClientRecord:
    """A client waiting for a challenge."""

    __slots__ = ()
    satisfied = False  # may the protocol say "success" now?
    token_error: TokenError | None = None  # what the server said about a bearer token
    layer: Layer | None = None  # what goes on the connection after the success
    # After an initial response: it may be left out, the server speaks first then.
    optional = False

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        """Take the raw challenge; raise Malformed for one that breaks the rules."""
        raise TypeError("a record says what it does with a challenge")


class ServerRecord:
    """A server waiting for a response."""

    __slots__ = ()
    refused = ""  # why the credentials are refused already, whatever the client says

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        """Take the raw response; raise Malformed for one that breaks the rules."""
        raise TypeError("a record says what it does with a response")

    def begin(self, response: bytes, terms: Terms) -> ServerMove:
        """Take the initial response; for most it is a response like any other."""
        return self.receive(response, terms)


class Asking:
    """A server waiting for its application's answer."""

    __slots__ = ()

    def take(self, answer: Any, terms: Terms) -> ServerMove:
        """Take an answer of the type that the request promised."""
        raise TypeError("a record says what it does with an answer")


class Satisfied(ClientRecord):
    """Nothing is left to say; the mechanism's promises are kept."""

    __slots__ = ()
    satisfied = True

    def receive(self, challenge: bytes, terms: Terms) -> NoReturn:
        """Refuse a challenge after the last one."""
        raise Malformed("a challenge after the mechanism's last message")


SATISFIED = Satisfied()
