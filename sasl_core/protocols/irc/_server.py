"""ServerSession: a server's half of IRC's SASL, one line at a time."""

from __future__ import annotations

from ..._policy import DEFAULT
from ..._reasons import Reason
from ...profiles import IRC
from .._lines import LineBuffer
from .._server_session import ServerBase
from ._words import CHUNK, Action, Chunks, Command, Reply, chunks, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._events import Request, Success
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._server import Server

_LINE = 512  # RFC 2812, section 2.3, with its CRLF and without tags


class ServerSession(ServerBase[Reply, Command]):
    """Everything that SASL means on a server's connection, as `ServerBase`.

    `name` is the server's, in the replies. `nick` and `mask` (nick!user@host) are the
    client's, for the application to set as they become known. AUTHENTICATE and STARTTLS
    are taken here; CAP, NICK and all the rest go to the application, also in the middle
    of an exchange. It lists `capabilities` in its answer to CAP LS, and sends what
    `registered` returns when a client completes its registration.
    """

    __slots__ = ("_chunks", "mask", "name", "nick")

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        starttls: bool = False,
        max_failures: int = 3,
        name: str = "irc",
        profile: Profile = IRC,
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
        self.name = name
        self.nick = "*"
        self.mask = "*!*@*"

    @property
    def timed_out(self) -> Reply:
        """What to say to a client that was waited for in vain, before closing."""
        return _error("Timeout")

    def capabilities(self) -> tuple[str, ...]:
        """Return what to list in the answer to CAP LS, as it applies now.

        The values are SASL 3.2's: to a client that did not say 302, tell the names.
        """
        names = "" if self.success is not None else ",".join(self._offer())
        found = [f"sasl={names}"] if names else []
        if self._starttls and not self.channel.encrypted:
            found.append("tls")
        return tuple(found)

    def registered(self) -> Reply:
        """End the exchange under way, for the client goes on without it (CAP END);
        return what to say of that: nothing where there was none.
        """
        if self._server is None:
            return Reply()
        reply = self._give_up(Reason.ABORTED, "the client completed its registration")
        return reply if isinstance(reply, Reply) else Reply()

    def _buffer(self) -> LineBuffer:
        return LineBuffer(self.line_limit)

    def _forget(self) -> None:
        super()._forget()
        self._chunks = Chunks(self._policy.max_message)

    def _take(self, line: bytes) -> Action:
        text = line.removesuffix(b"\r\n")
        tags = len(text.partition(b" ")[0]) + 1 if text.startswith(b"@") else 0
        found = parse(text)
        if found is None:
            return self._numeric("421 * :Not a command")
        verb, parameters = found
        if verb == "AUTHENTICATE":
            # Its own limit comes first, to be told by its own numeric.
            return self._authentication(parameters)
        if len(text) + 2 > self.line_limit or len(text) + 2 - tags > _LINE:
            return self._too_long(text)
        if verb == "STARTTLS":
            return self._begin_tls(Command(verb, parameters, text))
        return Command(verb, parameters, text)

    def _begin_tls(self, command: Command) -> Action:
        busy = self._server is not None or self.layer is not None
        if not self._starttls or self.channel.encrypted or busy:
            return self._numeric("691 :STARTTLS failed")
        self.wants_tls = True
        return command

    def _authentication(self, parameters: tuple[bytes, ...]) -> Action:
        if not parameters or not parameters[0]:
            return self._numeric("461 AUTHENTICATE :Not enough parameters")
        word = parameters[0]
        if self._server is not None:
            return self._chunk(self._server, word)
        if self.success is not None:
            return self._numeric("907 :You have already authenticated using SASL")
        if len(word) > CHUNK:
            return self._refusal(Reason.TOO_LONG)
        if word == self._profile.abort:
            return self._refusal(Reason.ABORTED)
        return self._authenticate(word, None)

    def _chunk(self, exchange: Server, word: bytes) -> Action:
        if word == self._profile.abort:
            return self._give_up(Reason.ABORTED, "the client aborted")
        try:
            text = self._chunks.add(word)
        except OverflowError:
            return self._give_up(Reason.TOO_LONG, "a line or a response over the limit")
        return Reply() if text is None else self._step(exchange, text)

    def _challenge(self, data: bytes) -> Reply:
        return Reply(*(f"AUTHENTICATE {chunk.decode()}" for chunk in chunks(data)))

    def _accepted(self, success: Success) -> Reply:
        account = success.identity.authzid
        # What has a space would be read as more than one parameter.
        if not account.isprintable() or " " in account or account.startswith(":"):
            account = "*"
        return Reply(
            *self._numeric(f"900 {self.mask} {account} :You are now logged in").lines,
            *self._said(self._profile.success).lines,
        )

    def _refusal(self, reason: Reason) -> Reply:
        self._chunks = Chunks(self._policy.max_message)
        said = self._said(self._profile.reply(reason))
        if reason is not Reason.UNSUPPORTED:
            return said
        failed = self._said(self._profile.reply(Reason.BAD_CREDENTIALS))
        names = ",".join(self._offer())
        if not names:
            return failed
        numeric, _, text = self._profile.reply(reason).partition(" ")
        listed = self._numeric(f"{numeric} {names} :{text}")
        return Reply(*listed.lines, *failed.lines)

    def _said(self, words: str) -> Reply:
        numeric, _, text = words.partition(" ")
        return self._numeric(f"{numeric} :{text}")

    def _numeric(self, words: str) -> Reply:
        numeric, _, rest = words.partition(" ")
        return Reply(f":{self.name} {numeric} {self.nick} {rest}")

    def _too_long(self, text: bytes) -> Reply:
        return self._numeric("417 :Input line was too long")

    def _too_many(self) -> Reply:
        return _error("Too many failed attempts")

    def _injected(self) -> Reply:
        return _error("Nothing may follow STARTTLS")

    def _ready(self) -> Reply:
        return self._numeric("670 :STARTTLS successful, proceed with TLS handshake")

    def _closing(self) -> Reply:
        return _error("The connection is being closed")


def _error(text: str) -> Reply:
    return Reply(f"ERROR :{text}", close=True)
