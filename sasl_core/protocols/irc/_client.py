"""ClientSession: an IRC client from CAP LS to CAP END, without the socket."""

from __future__ import annotations

from ..._errors import NoMechanism, ProtocolError, StateError
from ..._policy import DEFAULT
from ..._reasons import Reason
from ...profiles import IRC
from .. import _attempts as neutral
from .._capabilities import mechanism_names
from .._client_session import ClientBase, refusal
from ._words import Chunks, Message, MessageBuffer, Words, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS, Turn

_MOST_MESSAGES = 1000  # before the login is over: a hostile server has no end
_LIST_AND_VALUES = b"CAP LS 302\r\n"
_SASL = b"CAP REQ :sasl\r\n"
_DONE = b"CAP END\r\n"
# What to try at a server of SASL 3.1, which does not say: in few attempts, PLAIN the last.
_USUAL = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "EXTERNAL")
_FAILURES = frozenset({"902", "904", "905", "906", "907"})
_OURS = _FAILURES | {"CAP", "AUTHENTICATE", "670", "691", "903", "908"}


class Attempts(neutral.Attempts[Words]):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    A server of SASL 3.1 does not say what it has: then `offered` is what is usual, and
    `narrow` takes the list that its refusal comes with.
    """

    __slots__ = ()

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = IRC,
    ) -> None:
        super().__init__(
            offered,
            credentials,
            channel=channel,
            policy=policy,
            profile=profile,
            words=Words(profile),
        )

    def narrow(self, names: tuple[str, ...]) -> None:
        """Take the mechanisms that the server has after all (908)."""
        self._offered = names


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: CAP LS 302, CAP REQ, AUTHENTICATE, CAP END.

    As `ClientBase`. `registration`: the lines to send with CAP REQ, each with its CRLF:
    NICK and USER (and PASS), without which many servers do not go on. STARTTLS is there
    for the servers that still have it; a port for TLS is the rule.

    PING is answered. What else the server says meanwhile is in `others`, and what came
    behind its success, in `unread()`: for who goes on with the connection.
    """

    __slots__ = (
        "_capabilities",
        "_chunks",
        "_count",
        "_listed",
        "_messages",
        "_registration",
        "_said",
        "others",
    )

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        registration: bytes = b"",
        profile: Profile = IRC,
    ) -> None:
        self._messages = MessageBuffer()
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=self._messages,
        )
        if registration and not registration.endswith(b"\r\n"):
            raise ValueError("each line of the registration ends in CRLF")
        self._registration = registration
        self._capabilities: dict[str, str] = {}
        self._chunks = Chunks(policy.max_message)
        self._listed: tuple[str, ...] | None = None  # by 908
        self._said = False  # a message of the mechanism went out
        self._count = 0
        self.others: list[bytes] = []

    def connected(self) -> bytes:
        """Return what to send first."""
        return _LIST_AND_VALUES

    def receive(self, data: bytes) -> bytes:
        """Take octets from the server; return what to send, b"" for nothing yet.

        Raise what `ClientBase.receive` does.
        """
        turn, self._turn = self._turn, None
        if turn is None:
            raise StateError("the session is over, or waits for TLS or a token")
        self._messages.feed(data)
        output = b""
        while turn is not None:
            found = self._messages.next()
            if found is None:
                break
            output += self._message(turn, *found)
            turn, self._turn = self._turn, None
        if self.wants_tls and self._messages.pending:
            raise ProtocolError("the server spoke behind its yes to STARTTLS")
        self._turn = turn
        return output

    def unread(self) -> bytes:
        """Return what came behind the server's success, once: for whoever reads on."""
        return self._messages.unread()

    def _message(self, turn: Turn, message: Message) -> bytes:
        self._count += 1
        if self._count > _MOST_MESSAGES:
            raise ProtocolError(f"more than {_MOST_MESSAGES} messages")
        verb, parameters = message.verb, message.parameters
        if verb in _OURS:
            return turn(message)
        if verb == "ERROR":
            raise self._ended(message)
        if verb == "001" or (verb == "421" and b"CAP" in parameters):
            raise NoMechanism({"SASL": "the server negotiates no capabilities"})
        self._turn = turn
        if verb == "PING":
            return b"PONG :%b\r\n" % b" ".join(parameters[:1])
        self.others.append(message.line)
        return b""

    def _ended(self, message: Message) -> Exception:
        return self.error or refusal(
            "closed the connection", _text(message), Reason.UNAVAILABLE
        )

    def _wait(self, turn: Turn) -> bytes:
        self._turn = turn
        return b""

    def _greeting(self, message: Message) -> bytes:
        subcommand, *more = _capability(message)
        if subcommand != b"LS" or not more:
            return self._wait(self._greeting)
        for word in more[-1].decode("utf-8", "replace").split():
            name, _, value = word.partition("=")
            self._capabilities[name] = value
        if more[0] == b"*" and len(more) > 1:
            return self._wait(self._greeting)  # the list goes on
        return self._start_tls_or_authenticate("tls" in self._capabilities)

    def _ready(self, message: Message) -> bytes:
        if message.verb == "670":
            return self._with_tls()
        if message.verb == "691":
            return self._without_tls("the server refused it")
        return self._wait(self._ready)

    def _restart(self) -> bytes:
        self._capabilities.clear()
        self.others.clear()
        self._turn = self._greeting
        return _LIST_AND_VALUES

    def _authenticate(self) -> bytes:
        if "sasl" not in self._capabilities:
            raise NoMechanism({"SASL": "the server does not offer it"})
        self._turn = self._acknowledged
        return _SASL + self._registration

    def _acknowledged(self, message: Message) -> bytes:
        subcommand, *more = _capability(message)
        if subcommand == b"NAK":
            raise NoMechanism({"SASL": "the server offered it and refused it"})
        if subcommand != b"ACK" or not more or b"sasl" not in more[-1].split():
            return self._wait(self._acknowledged)
        names = self._capabilities["sasl"]
        return self._begin(
            Attempts(
                mechanism_names(names.split(",")) if names else _USUAL,
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
            )
        )

    def _answer(self, message: Message) -> bytes:
        attempts, verb = self._running(), message.verb
        if verb == "AUTHENTICATE":
            return self._challenged(attempts, message.parameters)
        if verb == "903":
            attempts.accepted()
            self._go_on(None)
            return _DONE
        if verb == "908" and len(message.parameters) > 1:
            words = message.parameters[1].decode("ascii", "replace").split(",")
            self._listed = mechanism_names(words)
        if verb not in _FAILURES:
            return self._wait(self._answer)
        return self._refused(attempts, message)

    def _challenged(self, attempts: Attempts, parameters: tuple[bytes, ...]) -> bytes:
        if not parameters or not parameters[0]:
            raise ProtocolError("AUTHENTICATE without a parameter")
        try:
            text = self._chunks.add(parameters[0])
        except OverflowError:
            raise ProtocolError("a line or a challenge over the limit") from None
        if text is None:
            return self._wait(self._answer)
        self._said = True
        return self._go_on(attempts.challenged(text))

    def _refused(self, attempts: Attempts, message: Message) -> bytes:
        reason = reason_of(message.verb)
        if self._listed is not None:
            attempts.narrow(self._listed)
            reason = Reason.UNSUPPORTED
        elif message.verb == "904" and not self._said:
            # No credential has been sent that could be wrong.
            reason = Reason.UNSUPPORTED
        self._listed, self._said = None, False
        self._chunks = Chunks(self._policy.max_message)
        return self._go_on(attempts.refused(reason, f"{message.verb} {_text(message)}"))


def _capability(message: Message) -> tuple[bytes, ...]:
    """Return what follows CAP and the nick, b"" for another message."""
    if message.verb != "CAP":
        return (b"",)
    return message.parameters[1:] or (b"",)


def _text(message: Message) -> str:
    last = message.parameters[-1] if message.parameters else b""
    return last.decode("utf-8", "replace")
