"""ServerSession: a server's half of PostgreSQL's login."""

from __future__ import annotations

from ..._events import Request
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import Malformed
from ..._value import Frozen
from ...mechanisms import _identities as identities
from ...profiles import POSTGRESQL
from .._replies import OctetsReply
from .._server_session import ServerBase
from . import _messages as messages
from ._client import BINDING, MECHANISMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..._channel import Channel
    from ..._events import Success
    from ..._policy import Policy
    from ..._profile import Profile

_set = object.__setattr__

_STARTUP_LIMIT = 10_000  # octets, as PostgreSQL has it
_LOGIN_LIMIT = 65_536
_PARAMETERS = {
    "server_version": "16.0",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
}


class Reply(OctetsReply):
    """Whole messages, one after the other."""

    __slots__ = ()


class Command(Frozen):
    """A message after the login, or an SSLRequest: the application answers it.

    `kind` is its first octet ("Q": a query), "SSLRequest" for that.
    """

    __slots__ = __match_args__ = ("kind", "body")

    kind: str
    body: bytes

    def __init__(self, kind: str, body: bytes = b"") -> None:
        _set(self, "kind", kind)
        _set(self, "body", body)


Action = Reply | Request | Command  # what a server is to do next


class ServerSession(ServerBase[Reply, Command]):
    """Everything up to ReadyForQuery on a server's connection, as `ServerBase`.

    The user of an exchange is that of the StartupMessage, whatever name SCRAM carries;
    what else it has is in `startup`. The channel is bound by its tls-server-end-point.
    Where the application can check passwords only, they are asked for in clear, as the
    policy has it of PLAIN. A refusal ends the connection.

    After the login come ParameterStatus, by `parameters` and what every client wants to
    know, and ReadyForQuery; then every message is the application's, up to
    `message_limit` octets of it. Requests to cancel are ignored.
    """

    __slots__ = ("_asked", "_frames", "_message_limit", "_parameters", "startup")

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        starttls: bool = False,
        parameters: Mapping[str, str] | None = None,
        message_limit: int = 1_048_576,
        profile: Profile = POSTGRESQL,
    ) -> None:
        super().__init__(
            _bound(channel),
            policy=policy,
            answers=answers,
            realm=None,
            starttls=starttls,
            max_failures=1,
            profile=profile,
        )
        self._parameters = {**_PARAMETERS, **(parameters or {})}
        self._message_limit = message_limit

    @property
    def timed_out(self) -> Reply:
        """What to say to a client that was waited for in vain, before closing."""
        state = "57P05" if self.success else "57014"
        return _fatal(state, "waited too long")

    def secured(self, channel: Channel) -> Reply | None:
        """Go on over TLS, as `ServerBase`."""
        return super().secured(_bound(channel))

    def _buffer(self) -> messages.MessageBuffer:
        self._frames = messages.MessageBuffer(_STARTUP_LIMIT, typed=False)
        return self._frames

    def _forget(self) -> None:
        super()._forget()
        self.startup: dict[str, str] = {}
        self._asked: tuple[str, ...] = ()  # what the client may answer with

    def _take(self, line: bytes) -> Action:
        try:
            if not self._frames.typed:
                return self._begin(*messages.read_startup(line))
            kind, body = messages.read(line)
            if self.success is not None:
                return self._command_of(kind, body)
            if kind != "p":
                raise Malformed("a response to the authentication request is due")
            return self._respond(body)
        except Malformed as error:
            if self._server is not None:
                self._give_up(Reason.MALFORMED, str(error))
            return self._end(_fatal("08P01", str(error)))

    def _begin(self, code: int, body: bytes) -> Reply | Command:
        """Take what a client sends before its messages have a kind."""
        if code in (messages.SSL, messages.GSS) and not body:
            if code == messages.GSS or not self._starttls or self.channel.encrypted:
                return Reply(b"N")
            self.wants_tls = True
            return Command("SSLRequest")
        if code == messages.CANCEL:
            return self._end(Reply(close=True))
        if code >> 16 != messages.VERSION >> 16:
            return self._end(_fatal("0A000", "only protocol 3 is spoken here"))
        parameters = messages.read_parameters(body)
        name = parameters.get(b"user", b"")
        if not name:
            return self._end(_fatal("28000", "the startup packet names no user"))
        # A role's name is not prepared, here or there.
        policy = self._policy.replace(prepare=False)
        self._username = identities.read(name, "user name", policy)
        self.startup = {
            key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for key, value in parameters.items()
        }
        self._frames.typed = True
        self._frames.allow(_LOGIN_LIMIT)
        unknown = [key for key in parameters if key.startswith(b"_pq_.")]
        if code == messages.VERSION and not unknown:
            return self._ask(b"")
        return self._ask(messages.negotiate_version(unknown))

    def _ask(self, before: bytes) -> Reply:
        """Ask for the authentication."""
        offered = self._offer()
        self._asked = tuple(name for name in offered if name in MECHANISMS)
        if self._asked:
            listed = messages.mechanism_list(self._asked)
            return Reply(before + messages.authentication(messages.SASL, listed))
        if "PLAIN" in offered:
            return Reply(before + messages.authentication(messages.CLEARTEXT))
        return self._refusal(Reason.ENCRYPTION_NEEDED)

    def _respond(self, body: bytes) -> Action:
        if self._server is not None:
            return self._follow(self._server.step(body))
        if self._asked:
            name, initial = messages.read_initial_response(body)
            if name.decode("ascii", "replace") not in self._asked:
                return self._refusal(Reason.UNSUPPORTED)
            return self._authenticate(name, initial)
        (password,) = _only(messages.strings_of(body))
        return self._check_password(self._username.encode(), password)

    def _command_of(self, kind: str, body: bytes) -> Reply | Command:
        if kind == "X":
            return self._end(Reply(close=True))
        return Command(kind, body)

    def _challenge(self, data: bytes) -> Reply:
        return Reply(messages.authentication(messages.CONTINUE, data))

    def _accepted(self, success: Success) -> Reply:
        self._frames.allow(self._message_limit)
        said = [messages.authentication(messages.OK)]
        if success.data is not None:
            said.insert(0, messages.authentication(messages.FINAL, success.data))
        said += [messages.parameter_status(*pair) for pair in self._parameters.items()]
        return Reply(b"".join(said) + messages.READY)

    def _refusal(self, reason: Reason) -> Reply:
        state = self._profile.reply(reason).partition(" ")[0]
        return self._end(_fatal(state, reason.value))

    def _injected(self) -> Reply:
        return _fatal("08P01", "nothing may follow SSLRequest")

    def _ready(self) -> Reply:
        return Reply(b"S")

    def _closing(self) -> Reply:
        return _fatal("57P01", "the connection is being closed")


def _bound(channel: Channel) -> Channel:
    known = (one for one in channel.bindings if one.type == BINDING)
    return channel.replace(bindings=known)


def _only(strings: list[bytes]) -> list[bytes]:
    if len(strings) != 1:
        raise Malformed("a password is one string")
    return strings


def _fatal(state: str, text: str) -> Reply:
    return Reply(messages.error(state, text, severity="FATAL"), close=True)
