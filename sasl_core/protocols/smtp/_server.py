"""ServerSession: a server's half of SMTP AUTH, one line at a time (RFC 4954)."""

from __future__ import annotations

from ..._channel import Channel
from ..._choosing import offer, server
from ..._errors import NoMechanism, StateError
from ..._events import Challenge, Failure, Request, Success
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._value import Secretive
from ...profiles import SMTP
from . import _replies as replies
from . import _xtext
from ._words import Command, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._events import Event
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._server import Server
    from ..._values import Identity
    from ._words import Action

# RFC 4954, section 6, of 530; STARTTLS must come before a login that needs it.
_WITHOUT_AUTH = frozenset({"NOOP", "QUIT", "RSET"})
_HELLOS = frozenset({"EHLO", "HELO", "LHLO"})
_VERB = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
_CONTROLS = bytes(octet for octet in (*range(32), 127) if octet != 9)


class ServerSession(Secretive):
    """Everything that AUTH means on a server's connection.

    `receive` takes each line and returns what to do: send a Reply, settle a Request
    (then `resume` with the event that it gave), or let the application handle a Command
    (then tell its answer by `replied`). No line makes it raise.

    `channel`, `policy`, `answers` and `realm` as in `sasl_core.server`. `require_auth`:
    530 to all that needs a login. `starttls`: offer it until the channel is encrypted;
    the application answers `Command("STARTTLS")` with what `start_tls` returns, shakes
    hands and calls `secured`. `legacy_keyword`: offer `AUTH=` too, for clients older
    than RFC 2554. `max_failures`: the failed attempts after which AUTH is answered with
    421. `profile`: `profiles.SMTP`, or `profiles.LMTP`, whose EHLO is called LHLO.
    """

    __slots__ = (
        "_answers",
        "_decision",
        "_ending",
        "_extended",
        "_failures",
        "_greeted",
        "_hello",
        "_legacy",
        "_max_failures",
        "_over",
        "_policy",
        "_profile",
        "_realm",
        "_request",
        "_require_auth",
        "_server",
        "_starttls",
        "_transaction",
        "channel",
        "failure",
        "success",
        "wants_tls",
    )
    __match_args__ = ("channel", "success", "failure")

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        require_auth: bool = False,
        starttls: bool = False,
        legacy_keyword: bool = False,
        max_failures: int = 3,
        profile: Profile = SMTP,
    ) -> None:
        self.channel = channel
        self.success: Success | None = None  # of the exchange that authenticated
        self.failure: Failure | None = None  # of the last one that failed: for the log
        self._policy = policy
        self._answers = None if answers is None else frozenset(answers)
        self._realm = realm
        self._require_auth = require_auth
        self._starttls = starttls
        self._legacy = legacy_keyword
        self._max_failures = max_failures
        self._profile = profile
        self._hello = "LHLO" if profile.name == "lmtp" else "EHLO"
        self._failures = 0
        self._over = False  # closed() was called
        self._ending = False  # a reply said that the connection ends
        self.wants_tls = False  # STARTTLS came, and the handshake is due
        self._request: Request | None = None
        self._server: Server | None = None
        self._decision: tuple[Server, Success | Failure] | None = None
        self._forget()

    @property
    def identity(self) -> Identity | None:
        """Who is logged in; None before success, and again after STARTTLS."""
        return self.success.identity if self.success else None

    @property
    def line_limit(self) -> int:
        """The most octets of a line, with its CRLF: for the LineBuffer."""
        return self._profile.line_limit or 12288

    @property
    def timed_out(self) -> Reply:
        """What to say to a client that was waited for in vain, before closing."""
        return replies.TIMED_OUT

    def keywords(self) -> tuple[str, ...]:
        """Return the lines for the reply to EHLO, as they apply now: STARTTLS, AUTH."""
        lines = []
        if self._starttls and not self.channel.encrypted:
            lines.append("STARTTLS")
        # A layer hides the list from whoever tampered with it before: offered again,
        # the client can compare (RFC 4954, section 4).
        if self.success is None or self.success.layer is not None:
            names = " ".join(self._offer(self.channel))
            if names:
                lines.append(f"AUTH {names}")
                if self._legacy:
                    lines.append(f"AUTH={names}")
        return tuple(lines)

    def receive(self, line: bytes) -> Action:
        """Take one line, with its CRLF or without; return what to do.

        A line in the middle of an exchange is the client's response, whatever it looks
        like. Raise StateError while a request waits for its answer, and after `closed`.
        """
        if self._over or self._request is not None:
            raise StateError(
                "no line is due: the session is closed, or waits for an answer"
            )
        if self._ending:
            return replies.CLOSING
        if self.wants_tls:
            return self._end(replies.INJECTED)
        text = line.removesuffix(b"\r\n")
        too_long = len(text) + 2 > self.line_limit
        if self._server is not None:
            if too_long:
                return self._follow(Failure(Reason.TOO_LONG, "a line over the limit"))
            return self._follow(self._server.step(text))
        if too_long:
            return replies.TOO_LONG
        return self._command(text)

    def resume(self, event: Event) -> Action:
        """Go on with the event that the settled request gave; return what to do.

        Raise StateError if no request waits, if it was not answered, or if that is not
        an event.
        """
        if self._request is None or not self._request.answered:
            raise StateError("no request waits, or it has no answer yet")
        if not isinstance(event, (Challenge, Success, Failure, Request)):
            raise StateError("resume takes the event that the answered request gave")
        self._request = None
        return self._follow(event)

    def unavailable(self, detail: str = "") -> Action:
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

    def replied(self, command: Command, reply: Reply) -> None:
        """Tell how the application answered a command, so that state follows it."""
        if command.verb == "STARTTLS" and reply.code != replies.READY.code:
            self.wants_tls = False
        if command.verb in _HELLOS and reply.code >= 400:
            self._greeted = self._extended = False
        refused_mail = command.verb == "MAIL" and reply.code >= 400
        # 503 to DATA leaves the transaction open (RFC 5321, section 4.1.4).
        if refused_mail or (command.verb in ("DATA", "BDAT") and reply.code != 503):
            self.reset()
        self._ending = self._ending or reply.close

    def start_tls(self, *, pending: bool) -> Reply:
        """Return the reply to STARTTLS, to send before the handshake: READY, or, where
        `pending` octets have come behind it, a refusal: they were put there to be taken
        for what comes over TLS (RFC 3207, section 6).
        """
        return self._end(replies.INJECTED) if pending else replies.READY

    def reset(self) -> None:
        """Close the mail transaction: the message has ended, or MAIL was refused."""
        self._transaction = False

    def secured(self, channel: Channel) -> None:
        """Go on over TLS; drop all that was learnt before (RFC 3207, section 4.2).

        Raise StateError unless STARTTLS came last and the channel is encrypted.
        """
        if not self.wants_tls or not channel.encrypted:
            raise StateError("secured() follows STARTTLS, with an encrypted channel")
        self.wants_tls = False
        self.channel = channel
        self._forget()

    def closed(self) -> None:
        """Take the end of the connection; a pending exchange is aborted."""
        self._over = True
        if self._server is not None:
            self.failure = self._server.abort()
            self._decision = self._server, self.failure
        self._request = self._server = None

    def _forget(self) -> None:
        self._greeted = self._extended = self._transaction = False
        self.success = None

    def _end(self, reply: Reply) -> Reply:
        self._ending = True
        return reply

    def _offer(self, channel: Channel) -> tuple[str, ...]:
        return offer(channel=channel, policy=self._policy, answers=self._answers)

    def _command(self, text: bytes) -> Action:
        # RFC 5321, section 4.1.1: trailing white space is to be tolerated.
        word, _, argument = text.rstrip(b" ").partition(b" ")
        verb = word.upper()
        if not verb or verb.translate(None, _VERB):
            return replies.NOT_A_COMMAND
        # A lone CR, LF or NUL is how one command is made to look like two.
        if argument.translate(None, _CONTROLS) != argument:
            return replies.NOT_A_COMMAND
        command = Command(verb.decode(), argument)
        if command.verb in _HELLOS:
            return self._greet(command)
        match command.verb:
            case "AUTH":
                return self._auth(argument)
            case "STARTTLS":
                return self._start_tls(command)
            case "MAIL":
                return self._mail(argument)
            case "RSET":
                self.reset()
        if self._needs_auth and command.verb not in _WITHOUT_AUTH:
            return replies.AUTH_NEEDED
        return command

    @property
    def _needs_auth(self) -> bool:
        return self._require_auth and self.success is None

    def _greet(self, command: Command) -> Action:
        if not command.argument:
            return replies.NO_ARGUMENT
        self.reset()
        self._greeted = True
        self._extended = command.verb == self._hello
        return command

    def _start_tls(self, command: Command) -> Action:
        if not self._starttls:
            return replies.NO_TLS
        if self.channel.encrypted:
            return replies.TLS_ALREADY
        if command.argument:
            return replies.TLS_SYNTAX
        self.wants_tls = True
        return command

    def _mail(self, argument: bytes) -> Action:
        if not self._greeted:
            return replies.SAY_HELLO
        if self._needs_auth:
            return replies.AUTH_NEEDED
        try:
            identity = _xtext.asserted_identity(argument)
        except ValueError:
            return replies.BAD_IDENTITY
        # RFC 4954, section 5: who is not trusted to say it has said nothing.
        if identity and self.success is None:
            identity = ""
        self._transaction = True
        return Command("MAIL", argument, identity)

    def _auth(self, argument: bytes) -> Action:
        if not self._extended:
            return replies.SAY_HELLO
        if self.success is not None:
            return replies.ALREADY
        if self._transaction:
            return replies.IN_TRANSACTION
        if self._failures >= self._max_failures:
            return self._end(replies.TOO_MANY)
        name, *rest = argument.split(b" ")
        if not name or len(rest) > 1 or b"" in rest:
            return replies.AUTH_SYNTAX
        try:
            self._server = server(
                name.decode("ascii", "replace"),
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
                answers=self._answers,
                realm=self._realm,
            )
        except NoMechanism:
            return self._not_offered(name)
        return self._follow(self._server.start(rest[0] if rest else None))

    def _not_offered(self, name: bytes) -> Reply:
        now = self.channel
        secure = Channel(True, bindings=now.bindings, external=now.external)
        lacks_tls = name.upper().decode("ascii", "replace") in self._offer(secure)
        reason = Reason.ENCRYPTION_NEEDED if lacks_tls else Reason.UNSUPPORTED
        return self._refusal(reason)

    def _follow(self, event: Event) -> Action:
        if isinstance(event, Challenge):
            return Reply(334, event.data.decode("ascii"))
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
        if event.layer is not None:
            # The session begins anew inside the layer (RFC 4954, section 4).
            self._greeted = self._extended = False
        return _reply(self._profile.success)

    def _refusal(self, reason: Reason) -> Reply:
        return _reply(self._profile.reply(reason))


def _reply(text: str) -> Reply:
    code, _, rest = text.partition(" ")
    return Reply(int(code), rest)
