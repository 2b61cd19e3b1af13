"""ServerSession: a server's half of SMTP AUTH, one line at a time (RFC 4954)."""

from __future__ import annotations

from ..._policy import DEFAULT
from ..._reasons import Reason
from ...profiles import SMTP
from .._lines import LineBuffer
from .._server_session import ServerBase
from . import _replies as replies
from . import _xtext
from ._words import Command, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._events import Request, Success
    from ..._policy import Policy
    from ..._profile import Profile
    from ._words import Action

# RFC 4954, section 6, of 530; STARTTLS must come before a login that needs it.
_WITHOUT_AUTH = frozenset({"NOOP", "QUIT", "RSET"})
_HELLOS = frozenset({"EHLO", "HELO", "LHLO"})
_VERB = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
_CONTROLS = bytes(octet for octet in (*range(32), 127) if octet != 9)


class ServerSession(ServerBase[Reply, Command]):
    """Everything that AUTH means on a server's connection, as `ServerBase`.

    `require_auth`: 530 to all that needs a login. `legacy_keyword`: offer `AUTH=` too,
    for clients older than RFC 2554. After `max_failures` failed attempts AUTH is
    answered with 421. `profile`: `profiles.SMTP`, or `profiles.LMTP`, whose EHLO is
    called LHLO.
    """

    __slots__ = (
        "_extended",
        "_greeted",
        "_hello",
        "_legacy",
        "_require_auth",
        "_transaction",
    )

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
        super().__init__(
            channel,
            policy=policy,
            answers=answers,
            realm=realm,
            starttls=starttls,
            max_failures=max_failures,
            profile=profile,
        )
        self._require_auth = require_auth
        self._legacy = legacy_keyword
        self._hello = "LHLO" if profile.name == "lmtp" else "EHLO"

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
            names = " ".join(self._offer())
            if names:
                lines.append(f"AUTH {names}")
                if self._legacy:
                    lines.append(f"AUTH={names}")
        return tuple(lines)

    def replied(self, command: Command, reply: Reply) -> None:
        """Tell how the application answered a command, so that state follows it."""
        super().replied(command, reply)
        if command.verb in _HELLOS and reply.code >= 400:
            self._greeted = self._extended = False
        refused_mail = command.verb == "MAIL" and reply.code >= 400
        # 503 to DATA leaves the transaction open (RFC 5321, section 4.1.4).
        if refused_mail or (command.verb in ("DATA", "BDAT") and reply.code != 503):
            self.reset()

    def reset(self) -> None:
        """Close the mail transaction: the message has ended, or MAIL was refused."""
        self._transaction = False

    def _buffer(self) -> LineBuffer:
        return LineBuffer(self.line_limit)

    def _forget(self) -> None:
        super()._forget()
        self._greeted = self._extended = self._transaction = False

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
                return self._begin(argument)
            case "STARTTLS":
                return self._begin_tls(command)
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

    def _begin_tls(self, command: Command) -> Action:
        if not self._starttls:
            return replies.NO_TLS
        if self.channel.encrypted or self.layer is not None:
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

    def _begin(self, argument: bytes) -> Action:
        if not self._extended:
            return replies.SAY_HELLO
        if self.success is not None:
            return replies.ALREADY
        if self._transaction:
            return replies.IN_TRANSACTION
        name, *rest = argument.split(b" ")
        if not name or len(rest) > 1 or b"" in rest:
            return replies.AUTH_SYNTAX
        return self._authenticate(name, rest[0] if rest else None)

    def _starts_tls(self, reply: Reply) -> bool:
        return reply.code == replies.READY.code

    def _challenge(self, data: bytes) -> Reply:
        return Reply(334, data.decode("ascii"))

    def _accepted(self, success: Success) -> Reply:
        if success.layer is not None:
            # The session begins anew inside the layer (RFC 4954, section 4).
            self._greeted = self._extended = False
        return _reply(self._profile.success)

    def _refusal(self, reason: Reason) -> Reply:
        return _reply(self._profile.reply(reason))

    def _too_long(self, text: bytes) -> Reply:
        return replies.TOO_LONG

    def _too_many(self) -> Reply:
        return replies.TOO_MANY

    def _injected(self) -> Reply:
        return replies.INJECTED

    def _ready(self) -> Reply:
        return replies.READY

    def _closing(self) -> Reply:
        return replies.CLOSING


def _reply(text: str) -> Reply:
    code, _, rest = text.partition(" ")
    return Reply(int(code), rest)
