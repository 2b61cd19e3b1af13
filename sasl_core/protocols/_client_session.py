"""ClientBase: what every client session has: turns, STARTTLS, attempts, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._errors import (
    AuthenticationError,
    NoMechanism,
    ProtocolError,
    SASLError,
    StateError,
)
from .._reasons import Reason
from .._strict import printable
from .._value import Secretive
from ._attempts import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, Protocol, TypeAlias

    from .._channel import Channel
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials, TokenError
    from ..layers import Layer

    # Takes a reply, as the session's buffer gives it, and returns what to send.
    Turn: TypeAlias = Callable[..., bytes]
    StartTLS: TypeAlias = Literal["require", "opportunistic", "never"]

    class Replies(Protocol):
        """Octets in, whole replies out; SASLError for what is none."""

        @property
        def pending(self) -> bool: ...
        def feed(self, data: bytes) -> None: ...
        def next(self) -> tuple[Any, ...] | None: ...


AttemptsT = TypeVar("AttemptsT", bound=Attempts[Any])

_OUT_OF_TURN = "the server spoke out of turn"


def refusal(what: str, reply: str, reason: Reason) -> AuthenticationError:
    """Return the error to raise for a refusal of what is no exchange: "the server", and
    `what` it did, such as "refused EHLO"; `reply` is in its own words.
    """
    reply = printable(reply)
    return AuthenticationError(
        f"the server {what}: {reply}", reason=reason, reply=reply
    )


class ClientBase(Secretive, Generic[AttemptsT]):
    """Log in to a server: the greeting, STARTTLS where it is due, the exchange.

    Feed what the server sends to `receive` and send what it returns, until
    `authenticated`. When `wants_tls`, shake hands and go on with `secured`; when
    `wants_token`, ask the credentials' token source, with `token_error`, and go on with
    `give_token`.

    `channel` as in `sasl_core.client`. `starttls`: what to do where the channel is not
    encrypted: "require" it, be "opportunistic" (take it if it is there; no protection
    against whoever takes it out of the list), or "never"; whether a password may then
    go out in the clear is the policy's business. A server's octets raise SASLError at
    worst; then the session is over.
    """

    __slots__ = (
        "_attempts",
        "_policy",
        "_profile",
        "_replies",
        "_starttls",
        "_turn",
        "authenticated",
        "channel",
        "credentials",
        "early",
        "mechanism",
        "wants_tls",
    )
    __match_args__ = ("channel", "mechanism", "authenticated")

    _line_end = b"\r\n"

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy,
        starttls: StartTLS,
        profile: Profile,
        replies: Replies,
    ) -> None:
        if starttls not in ("require", "opportunistic", "never"):
            raise ValueError('starttls is "require", "opportunistic" or "never"')
        self.channel = channel
        self.authenticated = False
        self.wants_tls = False
        self.early = b""  # what came behind the success, through the `layer`
        self.mechanism = ""
        self.credentials = credentials
        self._policy = policy
        self._profile = profile
        self._starttls = starttls
        self._attempts: AttemptsT | None = None
        self._replies = replies
        # Who takes the next reply; None while that runs, and after the end.
        self._turn: Turn | None = self._greeting

    # -- what each protocol says in its own words -----------------------------------

    def _greeting(self, *reply: Any) -> bytes:
        """Take the server's first words; return what to send."""
        raise TypeError("a session says what it does with a greeting")

    def _answer(self, *reply: Any) -> bytes:
        """Take a reply within an exchange; return what to send."""
        raise TypeError("a session says what it does with an answer")

    def _start_tls(self) -> bytes:
        """Return the command that asks for TLS, with its line end."""
        return b"STARTTLS\r\n"

    def _ready(self, *reply: Any) -> bytes:
        """Take the reply to STARTTLS; return what to send."""
        raise TypeError("a session says what it does with STARTTLS")

    def _restart(self) -> bytes:
        """Begin anew over TLS, with nothing learnt before; return what to send."""
        raise TypeError("a session says how it begins over TLS")

    def _authenticate(self) -> bytes:
        """Begin to authenticate; return what to send."""
        raise TypeError("a session says how it authenticates")

    # -- what drives it ---------------------------------------------------------------

    def connected(self) -> bytes:
        """Return what to send first, once: b"" where the server speaks first.

        After it the session may want a token already.
        """
        return b""

    def receive(self, data: bytes) -> bytes:
        """Take octets from the server; return what to send, b"" for nothing yet.

        Raise NoMechanism, AuthenticationError, CredentialsError or ProtocolError;
        StateError after the end.
        """
        turn, self._turn = self._turn, None
        if turn is None:
            raise StateError("the session is over, or waits for TLS or a token")
        reply, rest = self._next(data)
        if reply is None:
            self._turn = turn
            return b""
        if self._replies.pending or (rest and turn != self._answer):
            # Also what was put behind the reply to STARTTLS, to be read as if it had
            # come over TLS (RFC 3207, section 6).
            raise ProtocolError(_OUT_OF_TURN)
        output = turn(*reply)
        if rest and self.layer is None:
            self.authenticated = False
            raise ProtocolError(_OUT_OF_TURN)
        self.early = rest
        return output

    def _next(self, data: bytes) -> tuple[tuple[Any, ...] | None, bytes]:
        """Return the next reply, and the octets behind it that may be a layer's."""
        if self._policy.layers == ("none",):
            self._replies.feed(data)
            return self._replies.next(), b""
        # A server may begin inside the layer before the client knows of it (ManageSieve's
        # does: RFC 5804, section 2.1), so what comes is read line by line.
        begin = 0
        while begin < len(data):
            end = data.find(b"\n", begin) + 1 or len(data)
            self._replies.feed(data[begin:end])
            reply = self._replies.next()
            if reply is not None:
                return reply, data[end:]
            begin = end
        return None, b""

    def start_tls(self, *, pending: bool) -> None:
        """Check, before the handshake, that nothing came behind the reply to STARTTLS.

        What `receive` was fed is checked there; `pending`: the connection's own buffer
        holds more. Raise ProtocolError.
        """
        if pending:
            self.wants_tls = False
            raise ProtocolError(_OUT_OF_TURN)

    def secured(self, channel: Channel) -> bytes:
        """Go on over TLS; return what to send: what was learnt before counts no more.

        Raise StateError unless `wants_tls`, and for a channel that is not encrypted.
        """
        if not self.wants_tls or not channel.encrypted:
            raise StateError("secured() follows wants_tls, with an encrypted channel")
        self.wants_tls = False
        self.channel = channel
        return self._restart()

    @property
    def error(self) -> SASLError | None:
        """Why our side cancelled the exchange; None where it did not."""
        return self._attempts.error if self._attempts else None

    @property
    def layer(self) -> Layer | None:
        """What everything goes through once `authenticated`; None: as it is."""
        return self._attempts.layer if self.authenticated and self._attempts else None

    @property
    def wants_token(self) -> bool:
        """Whether the source of the credentials' token is to be asked now."""
        return self._attempts is not None and self._attempts.wants_token

    @property
    def token_error(self) -> TokenError | None:
        """What the server said of the last token: for the source."""
        return self._attempts.token_error if self._attempts else None

    def give_token(self, token: str) -> bytes:
        """Take what the source gave; return what to send.

        Raise StateError unless `wants_token`; AuthenticationError where it is the very
        token which the server refused.
        """
        return self._go_on(self._running().take_token(token))

    def closed(self) -> SASLError:
        """Take the end of the connection; return the error to raise."""
        self._turn = None
        return self.error or AuthenticationError(
            "the server closed the connection", reason=Reason.UNAVAILABLE
        )

    # -- what the protocols share -----------------------------------------------------

    def _start_tls_or_authenticate(self, offered: bool) -> bytes:
        """Go on after the server's list of capabilities."""
        if not self.channel.encrypted and self._starttls != "never":
            if offered:
                self._turn = self._ready
                return self._start_tls()
            return self._without_tls("the server does not offer it")
        return self._authenticate()

    def _with_tls(self) -> bytes:
        """Go on after the server's yes to STARTTLS."""
        self.wants_tls = True
        return b""

    def _without_tls(self, why: str) -> bytes:
        if self._starttls == "require":
            raise NoMechanism({"STARTTLS": f"required, but {why}"})
        return self._authenticate()

    def _begin(self, attempts: AttemptsT) -> bytes:
        """Begin the exchange; return what to send."""
        self._attempts = attempts
        return self._go_on(attempts.command())

    def _go_on(self, line: bytes | None) -> bytes:
        """Return a line of the exchange to send, b"" while a token is waited for, and
        where it is None, which means that the server has accepted.
        """
        if line is None:
            self.mechanism = self._running().name
            self.authenticated = True
            return b""
        if self.wants_token:
            return b""
        self._turn = self._answer
        return line + self._line_end

    def _running(self) -> AttemptsT:
        if self._attempts is None:
            raise StateError("no exchange has begun")
        return self._attempts
