"""ServerSession: a server's half of POP3 authentication (RFC 5034, 1939, 2449, 2595)."""

from __future__ import annotations

from ..._choosing import server
from ..._errors import NoMechanism
from ..._events import Challenge
from ..._policy import DEFAULT
from ..._reasons import Reason
from ...mechanisms.apop import APOP
from ...profiles import POP3
from .._lines import LineBuffer
from .._server_session import ServerBase
from ._words import Command, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._events import Request, Success
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._server import Server
    from ._words import Action

# What may come before a login, and is the application's (RFC 1939; RFC 6856 for two).
_BEFORE_LOGIN = frozenset({"QUIT", "LANG", "UTF8"})
_LOGINS = frozenset({"AUTH", "USER", "PASS", "APOP", "STLS"})
_VERB = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
_CODES = ("RESP-CODES", "AUTH-RESP-CODE")


class ServerSession(ServerBase[Reply, Command]):
    """Everything that logging in means on a server's connection, as `ServerBase`.

    CAPA, AUTH, USER, PASS and APOP are answered here; QUIT, LANG and UTF8 (RFC 6856),
    and after the login everything else, are the application's. `capabilities` are the
    application's own, without those about authentication. USER and PASS are offered
    where PLAIN is; without `login` never. APOP is offered where the policy names it:
    then the `greeting` has a timestamp, which is good for one attempt (`nonce` replaces
    it: for tests).
    """

    __slots__ = ("_capabilities", "_login", "_nonce", "_timestamp", "_user")

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        starttls: bool = False,
        capabilities: Iterable[str] = ("TOP", "UIDL"),
        login: bool = True,
        nonce: bytes | None = None,
        max_failures: int = 3,
        profile: Profile = POP3,
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
        self._nonce = nonce
        # What was said in the banner; our own word, so it outlives STLS.
        self._timestamp: bytes | None = None

    @property
    def timed_out(self) -> Reply:
        """Nothing to say: an autologout sends no response (RFC 1939, section 3)."""
        return Reply(close=True)

    def capabilities(self) -> tuple[str, ...]:
        """Return the lines of CAPA's list as they apply now: the application's, the
        response codes, STLS, USER, SASL.
        """
        lines = [*self._capabilities, *_CODES]
        if self._starttls and not self.channel.encrypted and self.success is None:
            lines.append("STLS")
        names = self._offer()
        if self._login and "PLAIN" in names:
            lines.append("USER")
        if names:
            lines.append(f"SASL {' '.join(names)}")
        return tuple(lines)

    def greeting(self, text: str = "POP3 server ready") -> Reply:
        """Return the greeting, with a timestamp where APOP may be used."""
        try:
            event = self._exchange(self._nonce).start()
        except NoMechanism:
            return Reply(f"+OK {text}")
        if isinstance(event, Challenge):
            self._timestamp = event.data
            text = f"{text} {event.data.decode('ascii')}"
        return Reply(f"+OK {text}")

    def _exchange(self, timestamp: bytes | None) -> Server:
        if self._mechanisms is not None:
            raise NoMechanism({APOP.name: "other mechanisms are given"})
        return server(
            APOP,
            channel=self.channel,
            policy=self._policy,
            profile=self._profile.replace(base64=False),
            answers=self._answers,
            nonce=timestamp,
        )

    def _buffer(self) -> LineBuffer:
        return LineBuffer(self.line_limit)

    def _forget(self) -> None:
        super()._forget()
        self._user: bytes | None = None  # of the USER that came just before

    def _command(self, text: bytes) -> Action:
        user, self._user = self._user, None
        word, space, argument = text.partition(b" ")
        verb = word.upper()
        # A lone CR, LF or NUL is how one command is made to look like two.
        if (
            not verb
            or verb.translate(None, _VERB)
            or any(octet in argument for octet in b"\r\n\0")
        ):
            return _err("Not a command")
        command = Command(verb.decode(), argument)
        if self.success is not None and command.verb in _LOGINS:
            return _err("Already logged in")
        match command.verb:
            case "CAPA":
                return _list(self.capabilities()) if not space else _err("Syntax: CAPA")
            case "AUTH":
                return self._begin(argument) if space else _list(self._offer())
            case "USER":
                return self._name(argument)
            case "PASS":
                if user is None:
                    return _err("USER comes before PASS")
                return self._check_password(user, argument)
            case "APOP":
                return self._apop(argument)
            case "STLS":
                return self._begin_tls(command)
        if self.success is None and command.verb not in _BEFORE_LOGIN:
            return _err("Not a command, or not before the login")
        return command

    def _begin(self, argument: bytes) -> Action:
        name, *rest = argument.split(b" ")
        if not name or len(rest) > 1 or b"" in rest:
            return _err("Syntax: AUTH mechanism [initial-response]")
        return self._authenticate(name, rest[0] if rest else None)

    def _name(self, username: bytes) -> Action:
        if not username:
            return _err("Syntax: USER name")
        # Here, not after PASS: else the password would have been in the clear.
        if not self._login:
            return self._refusal(Reason.UNSUPPORTED)
        if "PLAIN" not in self._offer():
            return self._refusal(self._not_offered(b"PLAIN"))
        self._user = username
        return Reply("+OK Send PASS")

    def _apop(self, argument: bytes) -> Action:
        timestamp, self._timestamp = self._timestamp, None
        if timestamp is None:
            return _err("APOP is not offered, or was tried before")
        if self._failures >= self._max_failures:
            return self._end(self._too_many())
        self._server = self._exchange(timestamp)
        self._server.start()
        return self._step(self._server, argument)

    def _begin_tls(self, command: Command) -> Action:
        if command.argument or not self._starttls or self.channel.encrypted:
            return _err("STLS is not offered")
        self.wants_tls = True
        return command

    def _challenge(self, data: bytes) -> Reply:
        return Reply(f"+ {data.decode('ascii')}")

    def _accepted(self, success: Success) -> Reply:
        return Reply(self._profile.success)

    def _refusal(self, reason: Reason) -> Reply:
        return Reply(self._profile.reply(reason))

    def _too_long(self, text: bytes) -> Reply:
        self._user = None
        return _err("Line too long")

    def _too_many(self) -> Reply:
        return Reply("-ERR [SYS/TEMP] Too many failed attempts", close=True)

    def _injected(self) -> Reply:
        return Reply("-ERR Nothing may follow STLS", close=True)

    def _ready(self) -> Reply:
        return Reply("+OK Begin TLS negotiation")

    def _starts_tls(self, reply: Reply) -> bool:
        return reply.lines[0].startswith("+OK")

    def _closing(self) -> Reply:
        return Reply("-ERR The connection is being closed", close=True)


def _err(text: str) -> Reply:
    return Reply(f"-ERR {text}")


def _list(lines: Iterable[str]) -> Reply:
    return Reply("+OK", body="".join(f"{line}\r\n" for line in lines).encode())
