"""ServerSession: a server's half of ManageSieve's authentication (RFC 5804)."""

from __future__ import annotations

from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import Malformed
from ...profiles import MANAGESIEVE
from .._server_session import ServerBase
from ._buffers import LiteralBuffer
from ._items import Item, read_items
from ._words import Command, Reply, read_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..._channel import Channel
    from ..._events import Request, Success
    from ..._policy import Policy
    from ..._profile import Profile
    from ._words import Action

_BEFORE_LOGIN = frozenset({"LOGOUT", "NOOP"})
_LINE_TOO_LONG = Reply("BYE", "Line too long", close=True)
_VERB = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# RFC 5804, section 1.7: what every server says, beside SASL.
_CAPABILITIES = {"IMPLEMENTATION": "sasl_core", "SIEVE": "", "VERSION": "1.0"}


class ServerSession(ServerBase[Reply, Command]):
    """Everything that authentication means on a server's connection, as `ServerBase`.

    CAPABILITY, STARTTLS and AUTHENTICATE are answered here; NOOP, LOGOUT, and after the
    login everything else, are the application's, with literals of `script_limit` octets
    at most. `capabilities` are the application's own: SASL, STARTTLS and OWNER are
    added. Send `greeting()` first, and once more inside a security layer.
    """

    __slots__ = ("_capabilities", "_commands", "_script_limit")

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        starttls: bool = False,
        capabilities: Mapping[str, str | None] = _CAPABILITIES,
        script_limit: int = 1 << 20,
        max_failures: int = 3,
        profile: Profile = MANAGESIEVE,
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
        self._capabilities = dict(capabilities)
        self._script_limit = script_limit

    @property
    def timed_out(self) -> Reply:
        """What to say to a client that was waited for in vain, before closing."""
        return Reply("BYE", "Idle for too long", close=True)

    @property
    def line_limit(self) -> int:
        """The most octets of a line with its literals and its CRLF, at this time."""
        return self._commands.limit

    def capabilities(self) -> dict[str, str | None]:
        """Return the capabilities as they apply now: the application's, SASL, STARTTLS
        before TLS, OWNER after the login.
        """
        found = self._capabilities | {"SASL": " ".join(self._offer())}
        if self._starttls and not self.channel.encrypted:
            found["STARTTLS"] = None
        if self.success is not None:
            found["OWNER"] = self.success.identity.authzid
        return found

    def greeting(self, text: str = "ManageSieve ready") -> Reply:
        """Return the greeting, which is the list of the capabilities."""
        lines = (
            (name.encode(),) if value is None else (name.encode(), value.encode())
            for name, value in self.capabilities().items()
        )
        return Reply("OK", text, lines=lines)

    def _buffer(self) -> LiteralBuffer:
        self._commands = LiteralBuffer(super().line_limit)
        return self._commands

    def _command(self, text: bytes) -> Action:
        word, space, rest = text.partition(b" ")
        verb = word.upper()
        if not verb or verb.translate(None, _VERB):
            return Reply("NO", "Not a command")
        try:
            arguments = read_items(rest) if space else ()
        except Malformed:
            return Reply("NO", "Arguments are strings and numbers")
        if any(isinstance(argument, str) for argument in arguments):
            return Reply("NO", "Arguments are strings and numbers")
        match verb:
            case b"CAPABILITY" if not arguments:
                return self.greeting("Done")
            case b"AUTHENTICATE" | b"STARTTLS" if self.success is not None:
                return Reply("NO", "Already authenticated")
            case b"AUTHENTICATE":
                return self._begin(arguments)
            case b"STARTTLS":
                return self._begin_tls(arguments)
        if self.success is None and verb.decode() not in _BEFORE_LOGIN:
            return Reply("NO", "Authenticate first")
        return Command(verb.decode(), arguments)

    def _begin(self, arguments: tuple[Item, ...]) -> Action:
        match arguments:
            case (bytes(name),):
                return self._authenticate(name, None)
            case (bytes(name), bytes(initial)):
                if not self._profile.initial_response:
                    return self._refusal(Reason.UNEXPECTED_INITIAL)
                return self._authenticate(name, initial)
        return Reply("NO", 'Syntax: AUTHENTICATE "mechanism" ["initial response"]')

    def _begin_tls(self, arguments: tuple[Item, ...]) -> Action:
        if arguments or not self._starttls or self.channel.encrypted:
            return Reply("NO", "STARTTLS is not offered")
        self.wants_tls = True
        return Command("STARTTLS")

    def _response(self, text: bytes) -> bytes:
        items = read_items(text)
        if len(items) != 1 or not isinstance(items[0], bytes):
            raise Malformed("a response is one string (RFC 5804, section 2.1)")
        return items[0]

    def _challenge(self, data: bytes) -> Reply:
        return Reply("", lines=[(data,)])

    def _accepted(self, success: Success) -> Reply:
        # A script is a literal that is longer than a line.
        self._commands.limit += self._script_limit
        if success.data is None:
            return self._words(self._profile.success)
        return Reply("OK", code=("SASL", success.data))

    def _refusal(self, reason: Reason) -> Reply:
        if self._commands.lost:
            return self._end(_LINE_TOO_LONG)
        return self._words(self._profile.reply(reason))

    def _words(self, text: str) -> Reply:
        """Return a response of the profile's."""
        reply = read_reply(text.encode())
        if reply is None:
            raise ValueError("a profile's words are OK, NO or BYE")
        return reply

    def _too_long(self, text: bytes) -> Reply:
        if self._commands.lost:
            return self._end(_LINE_TOO_LONG)
        # The one code there is for what is too large (RFC 5804, section 1.3).
        return Reply("NO", "Command too long", code=("QUOTA/MAXSIZE",))

    def _too_many(self) -> Reply:
        return Reply("BYE", "Too many failed attempts", close=True)

    def _injected(self) -> Reply:
        return Reply("BYE", "Nothing may follow STARTTLS", close=True)

    def _ready(self) -> Reply:
        return Reply("OK", "Begin TLS negotiation now")

    def _starts_tls(self, reply: Reply) -> bool:
        return reply.condition == "OK"

    def _over_tls(self) -> Reply:
        return self.greeting()

    def protected(self) -> Reply:
        """Return the capabilities: they come again (RFC 5804, section 2.1)."""
        return self.greeting()

    def _closing(self) -> Reply:
        return Reply("BYE", "The connection is being closed", close=True)
