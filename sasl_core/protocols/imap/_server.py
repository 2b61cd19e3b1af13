"""ServerSession: a server's half of IMAP authentication (RFC 9051; RFC 4959, 7888)."""

from __future__ import annotations

from contextlib import suppress

from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import Malformed
from ...profiles import IMAP
from .._server_session import ServerBase
from ._words import (
    Command,
    CommandBuffer,
    Reply,
    is_atom,
    literal_size,
    split_tag,
    two_strings,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._events import Request, Success
    from ..._policy import Policy
    from ..._profile import Profile
    from ._words import Action

# RFC 9051, section 6.1 and 6.2: what may come before a login, and is the application's.
_BEFORE_LOGIN = frozenset({"NOOP", "LOGOUT", "ID"})
_VERB = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
_MORE = Reply("+ Ready for the literal")
_NOTHING = Reply()


class ServerSession(ServerBase[Reply, Command]):
    """Everything that logging in means on a server's connection, as `ServerBase`.

    CAPABILITY, AUTHENTICATE and LOGIN are answered here; NOOP, LOGOUT, ID, and after the
    login everything else, are the application's, literals included: up to
    `literal_limit` octets a command. `capabilities` are the application's own, without
    those about authentication. LOGIN is offered where PLAIN is; without `login` never.
    """

    __slots__ = (
        "_awaits_literal",
        "_capabilities",
        "_commands",
        "_literal_limit",
        "_login",
        "_partial",
        "_tag",
    )

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        starttls: bool = False,
        capabilities: Iterable[str] = ("IMAP4rev1",),
        login: bool = True,
        literal_limit: int = 65536,
        max_failures: int = 3,
        profile: Profile = IMAP,
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
        self._capabilities = tuple(capabilities)
        self._login = login
        self._literal_limit = literal_limit

    @property
    def timed_out(self) -> Reply:
        """What to say to a client that was waited for in vain, before closing."""
        return Reply("* BYE Autologout, idle for too long", close=True)

    def capabilities(self) -> tuple[str, ...]:
        """Return the capabilities as they apply now: the application's, STARTTLS,
        LOGINDISABLED, SASL-IR and AUTH=.
        """
        words = list(self._capabilities)
        names = self._offer()
        offered = [f"AUTH={name}" for name in names]
        if self.success is not None:
            # A layer hides the list from whoever tampered with it before: told again,
            # the client can compare (RFC 3501, section 6.2.2).
            return (*words, *(offered if self.success.layer is not None else ()))
        if self._starttls and not self.channel.encrypted:
            words.append("STARTTLS")
        if not self._login or "PLAIN" not in names:
            words.append("LOGINDISABLED")
        if names and self._profile.initial_response:
            words.append("SASL-IR")
        return (*words, *offered)

    def greeting(self, text: str = "IMAP4rev1 server ready") -> Reply:
        """Return the greeting, which tells the capabilities too."""
        return Reply(f"* OK [CAPABILITY {' '.join(self.capabilities())}] {text}")

    def _buffer(self) -> CommandBuffer:
        self._commands = CommandBuffer(self.line_limit)
        return self._commands

    def _forget(self) -> None:
        super()._forget()
        self._tag = "*"
        self._partial = bytearray()  # a command, as far as its literals have come
        self._awaits_literal = False

    def _take(self, line: bytes) -> Action:
        if not self._awaits_literal:
            return super()._take(line)
        self._awaits_literal = False
        self._partial += line
        return _NOTHING

    def _command(self, text: bytes) -> Action:
        literal = literal_size(text)
        if not self._partial:
            self._tag = "*"
            try:
                self._tag, text = split_tag(text)
            except Malformed:
                return self._bad("Not a command", literal)
        # A lone CR, LF or NUL is how one command is made to look like two.
        if any(octet in text for octet in b"\r\n\0"):
            return self._bad("Not a command", literal)
        self._partial += text
        if literal is not None:
            return self._await_literal(*literal)
        command = bytes(self._partial)
        self._partial.clear()
        return self._complete(command)

    def _await_literal(self, size: int, waits: bool) -> Action:
        limit = self._literal_limit if self.success else self.line_limit
        if len(self._partial) + size > limit:
            return self._bad("Literal too long", (size, waits))
        if waits and self.success is None:
            refusal = self._login_refused()
            if refusal and self._partial[:6].upper() == b"LOGIN ":
                self._partial.clear()
                return self._refusal(refusal)  # before the password goes out
        self._partial += b"\r\n"
        self._awaits_literal = True
        self._commands.expect(size)
        return _MORE if waits else _NOTHING

    def _complete(self, command: bytes) -> Action:
        word, space, argument = command.partition(b" ")
        verb = word.upper()
        if not verb or verb.translate(None, _VERB) or (space and not argument):
            return self._bad("Not a command")
        match verb:
            case b"CAPABILITY" if space:
                return self._bad("Syntax: CAPABILITY")
            case b"CAPABILITY":
                words = " ".join(self.capabilities())
                return Reply(f"* CAPABILITY {words}", f"{self._tag} OK Done")
            case b"AUTHENTICATE" | b"LOGIN" | b"STARTTLS" if self.success is not None:
                return self._bad("Already authenticated")
            case b"AUTHENTICATE":
                return self._begin(argument)
            case b"LOGIN":
                return self._log_in(argument)
            case b"STARTTLS":
                return self._begin_tls(argument)
        if self.success is None and verb.decode() not in _BEFORE_LOGIN:
            return self._bad("Log in first")
        return Command(self._tag, verb.decode(), argument)

    def _begin(self, argument: bytes) -> Action:
        name, *rest = argument.split(b" ")
        if rest == [b""]:
            rest = []  # mutt has this space where the server is to begin
        if not is_atom(name) or len(rest) > 1 or b"" in rest:
            return self._bad("Syntax: AUTHENTICATE mechanism [initial-response]")
        if rest and not self._profile.initial_response:
            return self._refusal(Reason.UNEXPECTED_INITIAL)
        return self._authenticate(name, rest[0] if rest else None)

    def _log_in(self, argument: bytes) -> Action:
        try:
            username, password = two_strings(argument)
        except Malformed:
            return self._bad("Syntax: LOGIN user password")
        refusal = self._login_refused()
        if refusal:
            return self._refusal(refusal)
        action = self._check_password(username, password)
        if isinstance(action, Reply) and not action.close:
            # Nobody was asked: PLAIN has no such message. The command was right.
            return self._refusal(Reason.BAD_CREDENTIALS)
        return action

    def _login_refused(self) -> Reason | None:
        if not self._login:
            return Reason.UNSUPPORTED
        return None if "PLAIN" in self._offer() else self._not_offered(b"PLAIN")

    def _begin_tls(self, argument: bytes) -> Action:
        if argument or not self._starttls or self.channel.encrypted:
            return self._bad("STARTTLS is not offered")
        self.wants_tls = True
        return Command(self._tag, "STARTTLS")

    def _challenge(self, data: bytes) -> Reply:
        return Reply(f"+ {data.decode('ascii')}")

    def _accepted(self, success: Success) -> Reply:
        said = self._profile.success
        if success.layer is None:  # this response is not yet inside it
            words = " ".join(self.capabilities())
            said = said.replace("OK ", f"OK [CAPABILITY {words}] ", 1)
        return self._tagged(said)

    def _refusal(self, reason: Reason) -> Reply:
        return self._tagged(self._profile.reply(reason))

    def _too_long(self, text: bytes) -> Reply:
        if not self._partial:
            self._tag = "*"
            with suppress(Malformed):
                self._tag, _ = split_tag(text)
        # Whether a literal was announced at its end, nobody knows.
        return self._bad("Line too long", (0, False))

    def _too_many(self) -> Reply:
        said = f"{self._tag} NO [UNAVAILABLE] Too many failed attempts"
        return Reply("* BYE Too many failed attempts", said, close=True)

    def _injected(self) -> Reply:
        return Reply("* BYE Nothing may follow STARTTLS", close=True)

    def _ready(self) -> Reply:
        return self._tagged("OK Begin TLS negotiation now")

    def _starts_tls(self, reply: Reply) -> bool:
        return any(line.startswith(f"{self._tag} OK") for line in reply.lines)

    def _closing(self) -> Reply:
        return Reply("* BYE The connection is being closed", close=True)

    def _bad(self, text: str, literal: tuple[int, bool] | None = None) -> Reply:
        """Refuse a command; end where a client that does not wait sends a literal for
        it, which nobody may take for commands (RFC 7888, section 4).
        """
        self._partial.clear()
        if literal is None or literal[1]:
            return self._tagged(f"BAD {text}")
        return self._end(Reply(f"* BYE {text}", f"{self._tag} BAD {text}", close=True))

    def _tagged(self, text: str) -> Reply:
        return Reply(f"{self._tag} {text}")
