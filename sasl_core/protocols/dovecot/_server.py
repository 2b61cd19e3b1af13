"""ServerSession: an authentication service's half of Dovecot's protocol."""

from __future__ import annotations

from binascii import hexlify
from collections import deque

from ..._errors import StateError
from ..._events import Challenge, Failure, Request, Success
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import Malformed
from ..._value import Secretive
from .._lines import LineBuffer
from .._settled import must_be_event, must_be_settled
from ._exchange import Exchange, Offer, WantsBinding
from ._words import (
    CHANNEL_BINDING,
    EMPTY_RESPONSE,
    LINE_LIMIT,
    MAJOR,
    MINOR,
    OUT_OF_BAND,
    Fields,
    Reply,
    failure,
    number,
    parameter,
    read_parameters,
    read_version,
    split,
    write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._events import Event
    from ..._policy import Policy
    from ..._server import Server
    from ._exchange import Following
    from ._logins import Logins

NOTHING = Reply()
_END = Reply(close=True)


class Question(Secretive):
    """A `request` of the exchange `id`, to be settled: then `ServerSession.resume` with
    both. `parameters` are those of its AUTH line.
    """

    __slots__ = __match_args__ = ("id", "request", "parameters")

    def __init__(self, identifier: int, request: Request, parameters: Fields) -> None:
        self.id = identifier
        self.request = request
        self.parameters = parameters


Action = Reply | Question


class ServerSession(Secretive):
    """A connection from a mail server that asks us who its clients are.

    Send `greeting`. Feed `incoming` with what comes; `receive` takes each line that it
    gives, and returns a Reply to send, or a Question: settle its request, at any time and
    in any order, and `resume` with the event that this gave. No line makes it raise; one
    that is no command ends the connection, what is wrong within an exchange ends that.

    `policy`, `answers` and `realm` as in `sasl_core.server`; the channel of an exchange
    is made of what AUTH says. `pid` and `number` (CUID) tell processes and connections
    apart, `cookie` (16 octets) is what a master proves with that it heard of a login.
    `external`: offer EXTERNAL, to mail servers that tell of certificates. `binding`:
    wait for the client's version, as Dovecot 2.4 does, and offer the -PLUS mechanisms
    from 1.3 on; Exim, and who else waits for us, needs False. `logins`: where logins
    are kept for a master's REQUEST. At most `max_exchanges` are open at a time.
    """

    __slots__ = (
        "_binding",
        "_decisions",
        "_ending",
        "_exchanges",
        "_logins",
        "_max_exchanges",
        "_minor",
        "_offer",
        "_over",
        "_questions",
        "client_pid",
        "cookie",
        "incoming",
        "number",
        "pid",
    )
    __match_args__ = ("pid", "number", "client_pid")

    def __init__(
        self,
        *,
        pid: int,
        number: int,
        cookie: bytes | None = None,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        external: bool = False,
        binding: bool = False,
        logins: Logins | None = None,
        max_exchanges: int = 10_000,
    ) -> None:
        if cookie is None:
            from secrets import token_bytes

            cookie = token_bytes(16)
        able = None if answers is None else frozenset(answers)
        self.pid = pid
        self.number = number
        self.cookie = hexlify(cookie)
        self.client_pid: int | None = None  # None: the handshake is not done
        self.incoming = LineBuffer(LINE_LIMIT, bare_lf=True)
        self._offer = Offer(policy, able, realm, external, False)
        self._binding = binding
        self._logins = logins
        self._max_exchanges = max_exchanges
        self._minor: int | None = None  # of the client's version
        self._exchanges: dict[int, Exchange] = {}
        self._questions: dict[int, Question] = {}  # one of each that waits for us
        self._decisions: deque[tuple[Server, Success | Failure]] = deque()
        self._ending = False  # `shutdown` was called
        self._over = False

    def greeting(self) -> Reply:
        """Return what to send first: the whole handshake, or with `binding` VERSION."""
        version = write(b"VERSION", b"%d" % MAJOR, b"%d" % MINOR)
        return Reply(version) if self._binding else Reply(version, *self._handshake())

    def receive(self, line: bytes) -> Action:
        """Take one line; return what to do. Raise StateError after the end."""
        if self._over:
            raise StateError("the connection is over")
        if len(line) > LINE_LIMIT:
            return self._too_long(line)
        fields = split(line.removesuffix(b"\n").removesuffix(b"\r"))
        try:
            if self.client_pid is None:
                return self._shake_hands(fields)
            return self._command(fields)
        except Malformed:
            # What it was to be, and for whom, nobody can tell.
            return self._end()

    def resume(self, question: Question, event: Event) -> Action:
        """Go on with the event that the settled request gave; return what to do: nothing
        where the exchange was cancelled meanwhile.

        Raise StateError where the request was not answered, or that is not an event.
        """
        must_be_event(event)
        if not self.waits(question):
            return NOTHING
        must_be_settled(question.request, event)
        del self._questions[question.id]
        return self._follow(question.id, event)

    def unavailable(self, question: Question, detail: str = "") -> Reply:
        """Give up a question: the application failed, in whatever state."""
        if not self.waits(question):
            return NOTHING
        return self._fail(question.id, Reason.UNAVAILABLE, detail)

    def decision(self) -> tuple[Server, Success | Failure] | None:
        """Take an exchange that has ended and how it did, once; None if none has.

        For the limits on guessing and the audit of `sasl_core.backends`: due, until
        there is none, after each call and before its reply is sent, and after `closed`.
        """
        return self._decisions.popleft() if self._decisions else None

    def expire(self) -> Reply:
        """Fail the exchanges that have waited for the client since the last call; to be
        called from time to time.
        """
        late = []
        for identifier, exchange in self._exchanges.items():
            if exchange.idle and identifier not in self._questions:
                late.append(identifier)
            exchange.idle = True
        return self._fail_all(late, Reason.ABORTED, "the client took too long")

    def drain(self) -> None:
        """Take no new exchanges: each is failed, for now."""
        self._ending = True

    def shutdown(self) -> Reply:
        """Take no new exchanges, and fail the open ones for now: none is lost."""
        self.drain()
        return self._fail_all(
            list(self._exchanges), Reason.UNAVAILABLE, "the service shuts down"
        )

    def closed(self) -> None:
        """Take the end of the connection; what is open is aborted."""
        self._over = True
        self._fail_all(list(self._exchanges), Reason.ABORTED, "the connection is gone")
        if self._logins is not None:
            self._logins.leave(self)

    def waits(self, question: Question) -> bool:
        """Whether the answer still matters: its exchange was not cancelled."""
        return self._questions.get(question.id) is question

    @property
    def open(self) -> int:
        """How many exchanges are open."""
        return len(self._exchanges)

    def mechanisms(self) -> tuple[str, ...]:
        """Return the names on offer: what could be run on one channel or another."""
        return self._offer.names

    def _handshake(self) -> list[bytes]:
        return [
            *self._offer.lines(),
            write(b"SPID", b"%d" % self.pid),
            write(b"CUID", b"%d" % self.number),
            write(b"COOKIE", self.cookie),
            b"DONE",
        ]

    def _shake_hands(self, fields: list[bytes]) -> Reply:
        if self._minor is None:
            self._minor = read_version(fields)
            if not self._binding:
                return NOTHING
            bound = self._minor >= CHANNEL_BINDING
            self._offer = self._offer.replace(binding=bound)
            return Reply(*self._handshake())
        if len(fields) != 2 or fields[0] != b"CPID":
            raise Malformed("CPID ends the client's handshake")
        pid = number(fields[1])
        if self._logins is not None and not self._logins.enter(pid, self):
            raise Malformed("another connection has this process id")
        self.client_pid = pid
        return NOTHING

    def _command(self, fields: list[bytes]) -> Action:
        match fields:
            case [b"AUTH", identifier, name, *parameters]:
                return self._auth(number(identifier), name, parameters)
            case [b"CONT", identifier, text, *parameters]:
                return self._continue(number(identifier), text, parameters)
            case [b"CANCEL", identifier]:
                return self._cancel(number(identifier))
        raise Malformed("no command of this protocol")

    def _auth(self, identifier: int, name: bytes, parameters: list[bytes]) -> Action:
        if identifier in self._exchanges:
            raise Malformed("an id that is in use")
        if self._ending or len(self._exchanges) >= self._max_exchanges:
            return Reply(failure(identifier, Reason.UNAVAILABLE))
        try:
            initial = self._initial(parameters)
            given = read_parameters(parameters)
            if not (given.get("service") or given.get("protocol")):
                raise Malformed("AUTH without a service")
            exchange = Exchange(self._offer, given)
        except Malformed:
            return Reply(failure(identifier, Reason.MALFORMED))
        self._exchanges[identifier] = exchange
        return self._follow(identifier, exchange.start(name, initial))

    def _initial(self, parameters: list[bytes]) -> bytes | None:
        """Take the initial response off the parameters: the last of them, so that no TAB
        in what a client sent makes another one.
        """
        found = [field.startswith(b"resp=") for field in parameters]
        if not any(found):
            return None
        if found.index(True) != len(found) - 1:
            raise Malformed("parameters after resp")
        initial = parameters.pop().removeprefix(b"resp=")
        # Exim's way to say that there is none.
        if not initial and (self._minor or 0) < EMPTY_RESPONSE:
            return None
        return initial

    def _continue(
        self, identifier: int, text: bytes, parameters: list[bytes]
    ) -> Action:
        exchange = self._exchanges.get(identifier)
        if exchange is None:
            return Reply(failure(identifier, Reason.ABORTED))
        if identifier in self._questions:
            return self._fail(identifier, Reason.MALFORMED, "a response out of turn")
        return self._follow(identifier, exchange.respond(text, parameters))

    def _cancel(self, identifier: int) -> Reply:
        if identifier in self._exchanges:
            self._fail(identifier, Reason.ABORTED, "the client aborted")
        return NOTHING

    def _too_long(self, line: bytes) -> Reply:
        """Refuse a line of which this is the beginning: it is some user's fault, and
        nobody else's exchange is to suffer for it.
        """
        verb, *rest = line[:32].split(b"\t")
        if self.client_pid is None or verb not in (b"AUTH", b"CONT") or len(rest) < 2:
            return self._end()
        try:
            identifier = number(rest[0])
        except Malformed:
            return self._end()
        if identifier in self._exchanges:
            return self._fail(identifier, Reason.TOO_LONG, "a line over the limit")
        return Reply(failure(identifier, Reason.TOO_LONG))

    def _follow(self, identifier: int, event: Following) -> Action:
        exchange = self._exchanges[identifier]
        exchange.idle = False
        if isinstance(event, Challenge):
            return Reply(b"CONT\t%d\t%b" % (identifier, event.data))
        if isinstance(event, WantsBinding):
            asked = parameter("channel_binding", event.type)
            return Reply(write(b"CONT", b"%d" % identifier, OUT_OF_BAND, asked))
        if isinstance(event, Request):
            question = Question(identifier, event, exchange.parameters)
            self._questions[identifier] = question
            return question
        self._ended(identifier, event)
        if isinstance(event, Failure):
            return Reply(failure(identifier, event.reason))
        return self._accepted(identifier, exchange, event)

    def _accepted(self, identifier: int, exchange: Exchange, success: Success) -> Reply:
        identity = success.identity
        fields = [parameter("user", identity.authzid)]
        if identity.authcid != identity.authzid:
            fields.append(parameter("auth_user", identity.authcid))
        if success.data is not None:
            fields.append(b"resp=" + success.data)
        if self._logins is not None and "nologin" not in exchange.parameters:
            self._logins.add(self, identifier, identity, exchange.parameters)
        return Reply(write(b"OK", b"%d" % identifier, *fields))

    def _ended(self, identifier: int, outcome: Success | Failure) -> None:
        exchange = self._exchanges.pop(identifier)
        self._questions.pop(identifier, None)
        if exchange.server is not None:
            self._decisions.append((exchange.server, outcome))

    def _fail(self, identifier: int, reason: Reason, detail: str) -> Reply:
        """End an exchange from outside; return what to say of it."""
        failed = self._exchanges[identifier].abort(reason, detail)
        self._ended(identifier, failed)
        return Reply(failure(identifier, failed.reason))

    def _fail_all(self, identifiers: list[int], reason: Reason, detail: str) -> Reply:
        replies = [self._fail(each, reason, detail) for each in identifiers]
        return Reply(*(line for reply in replies for line in reply.lines))

    def _end(self) -> Reply:
        self.closed()
        return _END
