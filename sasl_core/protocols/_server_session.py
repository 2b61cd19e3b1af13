"""ServerBase: what every server session has: an exchange, its requests, STARTTLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .._channel import Channel
from .._choosing import offer, server
from .._errors import NoMechanism, StateError
from .._events import Challenge, Failure, Request, Success
from .._reasons import Reason
from .._strict import Malformed, folded
from .._value import Secretive
from ._replies import BaseReply
from ._settled import must_be_settled

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from .._advertised import Advertised
    from .._events import Event
    from .._policy import Policy
    from .._profile import Profile
    from .._server import Server
    from .._values import Identity
    from ..layers import Layer
    from ..mechanisms import Mechanism

    class Incoming(Protocol):
        """Octets in, one line or frame after the other out."""

        @property
        def pending(self) -> bool: ...
        def feed(self, data: bytes) -> None: ...
        def next(self) -> bytes | None: ...


ReplyT = TypeVar("ReplyT", bound=BaseReply)
CommandT = TypeVar("CommandT")


class ServerBase(Secretive, Generic[ReplyT, CommandT]):
    """Everything that authentication means on a server's connection.

    Feed `incoming` with what comes. `receive` takes each line that it gives, and returns
    what to do: send a reply, settle a Request (then `resume` with the event that it
    gave), or let the application handle a command (then tell its answer by `replied`).
    No line makes it raise.

    `channel`, `policy`, `answers` and `realm` as in `sasl_core.server`. `starttls`: offer
    it until the channel is encrypted; the application answers the command with what
    `start_tls` returns, shakes hands and calls `secured`. `max_failures`: the failed
    attempts after which the next is the end of the connection.
    """

    __slots__ = (
        "_answers",
        "_decision",
        "_ending",
        "_failures",
        "_max_failures",
        "_mechanisms",
        "_over",
        "_policy",
        "_profile",
        "_realm",
        "_request",
        "_server",
        "_starttls",
        "_username",
        "advertised",
        "channel",
        "failure",
        "incoming",
        "success",
        "wants_tls",
    )
    __match_args__ = ("channel", "success", "failure")

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy,
        answers: Iterable[type[Request]] | None,
        realm: str | None,
        starttls: bool,
        max_failures: int,
        profile: Profile,
    ) -> None:
        self.channel = channel
        self.success: Success | None = None  # of the exchange that authenticated
        self.failure: Failure | None = None  # of the last one that failed: for the log
        self.advertised: Advertised | None = None  # what was told, for SCRAM to prove
        self._policy = policy
        self._answers = None if answers is None else frozenset(answers)
        self._mechanisms: dict[str, Mechanism] | None = None  # None: the registered
        self._realm = realm
        self._starttls = starttls
        self._max_failures = max_failures
        self._profile = profile
        self._username = ""  # whom the protocol named before the exchange
        self._failures = 0
        self._over = False  # closed() was called
        self._ending = False  # a reply said that the connection ends
        self.wants_tls = False  # STARTTLS came, and the handshake is due
        self._request: Request | None = None
        self._server: Server | None = None
        self._decision: tuple[Server, Success | Failure] | None = None
        self.incoming: Incoming = self._buffer()
        self._forget()

    # -- what each protocol says in its own words -----------------------------------

    def _buffer(self) -> Incoming:
        """Make what cuts the connection's octets into lines or frames."""
        raise TypeError("a session says how its lines are cut")

    def _command(self, text: bytes) -> ReplyT | Request | CommandT:
        """Take a line outside an exchange, without its CRLF."""
        raise TypeError("a session says what it does with a command")

    def _response(self, text: bytes) -> bytes:
        """Return the client's response that a line carries, in the profile's form.

        Raise Malformed for a line that carries none.
        """
        return text

    def _challenge(self, data: bytes) -> ReplyT:
        """Write a challenge, which is in the profile's form."""
        raise TypeError("a session says how a challenge is written")

    def _accepted(self, success: Success) -> ReplyT:
        """Write the success."""
        raise TypeError("a session says how success is written")

    def _refusal(self, reason: Reason) -> ReplyT:
        """Write a failure."""
        raise TypeError("a session says how a failure is written")

    def _too_long(self, text: bytes) -> ReplyT:
        """Refuse a command line over the limit, of which this is the beginning."""
        raise TypeError("a session says how it refuses a line")

    def _too_many(self) -> ReplyT:
        """Refuse another attempt, and end."""
        raise TypeError("a session says how it refuses another attempt")

    def _injected(self) -> ReplyT:
        """Refuse what came behind STARTTLS, and end."""
        raise TypeError("a session says how it refuses what was injected")

    def _ready(self) -> ReplyT:
        """Say yes to STARTTLS."""
        raise TypeError("a session says how it begins TLS")

    def _starts_tls(self, reply: ReplyT) -> bool:
        """Whether this says yes to STARTTLS."""
        return reply == self._ready()

    def _over_tls(self) -> ReplyT | None:
        """Write what the server says first over TLS; None where the client begins."""
        return None

    def _closing(self) -> ReplyT:
        """Refuse a line after the end, and end."""
        raise TypeError("a session says that it ends")

    @property
    def timed_out(self) -> ReplyT:
        """What to say to a client that was waited for in vain, before closing."""
        raise TypeError("a session says that the time is over")

    # -- what drives it ---------------------------------------------------------------

    def forward(self, mechanisms: Iterable[Mechanism]) -> None:
        """Offer and run these, and no others: those of `forwarding.forwarded` leave it
        to another server to authenticate. Each exchange then asks by Forward; `answers`
        must name it, where they are given.
        """
        self._mechanisms = {mechanism.name: mechanism for mechanism in mechanisms}

    @property
    def identity(self) -> Identity | None:
        """Who is logged in; None before success, and again after STARTTLS."""
        return self.success.identity if self.success else None

    @property
    def layer(self) -> Layer | None:
        """What everything goes through once the reply to a login is sent (RFC 4422,
        section 3.7); None: as it is. What came before that reply is then nobody's.
        """
        return self.success.layer if self.success else None

    def protected(self) -> ReplyT | None:
        """Return what to send first through the layer, None where the client begins."""
        return None

    @property
    def line_limit(self) -> int:
        """The most octets of a line, with its CRLF."""
        return self._profile.line_limit or 12288

    def receive(self, line: bytes) -> ReplyT | Request | CommandT:
        """Take one line, with its CRLF or without; return what to do.

        A line in the middle of an exchange is the client's response, whatever it looks
        like. Raise StateError while a request waits for its answer, and after `closed`.
        """
        if self._over or self._request is not None:
            raise StateError(
                "no line is due: the session is closed, or waits for an answer"
            )
        if self._ending:
            return self._closing()
        if self.wants_tls:
            return self._end(self._injected())
        return self._take(line)

    def _take(self, line: bytes) -> ReplyT | Request | CommandT:
        """Take a line that is due."""
        text = line.removesuffix(b"\r\n")
        too_long = len(text) + 2 > self.line_limit
        if self._server is not None:
            if too_long:
                return self._give_up(Reason.TOO_LONG, "a line over the limit")
            return self._step(self._server, text)
        if too_long:
            return self._too_long(text)
        return self._command(text)

    def resume(self, event: Event) -> ReplyT | Request | CommandT:
        """Go on with the event that the settled request gave; return what to do.

        Raise StateError if no request waits, if it was not answered, or if that is not
        an event.
        """
        must_be_settled(self._request, event)
        self._request = None
        return self._follow(event)

    def unavailable(self, detail: str = "") -> ReplyT | Request | CommandT:
        """Give up the request that waits: the application failed, in whatever state."""
        if self._request is None or self._server is None:
            raise StateError("no request waits for an answer")
        self._server.abort()
        return self.resume(Failure(Reason.UNAVAILABLE, detail))

    def decision(self) -> tuple[Server, Success | Failure] | None:
        """Take the exchange that has just ended and how it did, once; None if none has.

        For the limits on guessing and the audit of `sasl_core.backends`: due after each
        `receive` and `resume`, before their reply is sent, and after `closed`.
        """
        decision, self._decision = self._decision, None
        return decision

    def replied(self, command: CommandT, reply: ReplyT) -> None:
        """Tell how the application answered a command, so that state follows it."""
        if self.wants_tls and not self._starts_tls(reply):
            self.wants_tls = False
        self._ending = self._ending or reply.close

    def start_tls(self, *, pending: bool) -> ReplyT:
        """Return the reply to STARTTLS, to send before the handshake: yes, or, where
        `pending` octets have come behind it, a refusal: they were put there to be taken
        for what comes over TLS (RFC 3207, section 6).
        """
        return self._end(self._injected()) if pending else self._ready()

    def secured(self, channel: Channel) -> ReplyT | None:
        """Go on over TLS; drop all that was learnt before (RFC 3207, section 4.2).

        Return what to send first, None where the client begins. Raise StateError unless
        STARTTLS came last and the channel is encrypted.
        """
        if not self.wants_tls or not channel.encrypted:
            raise StateError("secured() follows STARTTLS, with an encrypted channel")
        self.wants_tls = False
        self.channel = channel
        self._forget()
        return self._over_tls()

    def closed(self) -> None:
        """Take the end of the connection; a pending exchange is aborted."""
        self._over = True
        if self._server is not None:
            self.failure = self._server.abort()
            self._decision = self._server, self.failure
        self._request = self._server = None

    # -- what the protocols share -----------------------------------------------------

    def _forget(self) -> None:
        """Drop what was learnt before TLS."""
        self.success = None

    def _end(self, reply: ReplyT) -> ReplyT:
        self._ending = True
        self.wants_tls = False
        return reply

    def _offer(
        self, channel: Channel | None = None, policy: Policy | None = None
    ) -> tuple[str, ...]:
        """Return the mechanisms that are on offer, now or on another channel, by the
        session's policy or another.
        """
        mechanisms = self._mechanisms
        return offer(
            channel=channel or self.channel,
            policy=policy or self._policy,
            answers=self._answers,
            mechanisms=None if mechanisms is None else mechanisms.values(),
        )

    def _authenticate(
        self, name: bytes, initial: bytes | None, policy: Policy | None = None
    ) -> ReplyT | Request | CommandT:
        """Begin an exchange by the mechanism that the client named, by the session's
        policy or another.
        """
        if self._failures >= self._max_failures:
            return self._end(self._too_many())
        mechanism: str | Mechanism = name.decode("ascii", "replace")
        if self._mechanisms is not None:
            found = self._mechanisms.get(folded(str(mechanism)))
            if found is None:
                return self._refusal(self._not_offered(name, policy))
            mechanism = found
        try:
            self._server = server(
                mechanism,
                channel=self.channel,
                policy=policy or self._policy,
                profile=self._profile,
                answers=self._answers,
                realm=self._realm,
                username=self._username,
                advertised=self.advertised,
            )
        except NoMechanism:
            return self._refusal(self._not_offered(name, policy))
        return self._follow(self._server.start(initial))

    def _check_password(
        self, username: bytes, password: bytes
    ) -> ReplyT | Request | CommandT:
        """Take the protocol's own command for a password: PLAIN in other words, so the
        policy, the limits and the checks are those of PLAIN.
        """
        message = b"\0%b\0%b" % (username, password)
        return self._authenticate(b"PLAIN", self._profile.encode(message))

    def _not_offered(self, name: bytes, policy: Policy | None = None) -> Reason:
        now = self.channel
        secure = Channel(True, bindings=now.bindings, external=now.external)
        if name.upper().decode("ascii", "replace") in self._offer(secure, policy):
            return Reason.ENCRYPTION_NEEDED
        return Reason.UNSUPPORTED

    def _step(self, exchange: Server, text: bytes) -> ReplyT | Request | CommandT:
        try:
            response = self._response(text)
        except Malformed as error:
            return self._give_up(Reason.MALFORMED, str(error))
        return self._follow(exchange.step(response))

    def _give_up(self, reason: Reason, detail: str) -> ReplyT | Request | CommandT:
        """End the exchange for a line that is none of its own."""
        if self._server is None:
            raise StateError("no exchange has begun")
        return self._follow(self._server.abort(detail, reason=reason))

    def _follow(self, event: Event) -> ReplyT | Request | CommandT:
        if isinstance(event, Challenge):
            return self._challenge(event.data)
        if isinstance(event, Request):
            self._request = event
            return event
        if self._server is not None:
            self._decision = self._server, event
            self._server = None
        if isinstance(event, Failure):
            self.failure = event
            self._failures += 1
            return self._refusal(event.reason)
        self.success = event
        return self._accepted(event)
