"""ClientSession: a mail server's half of Dovecot's protocol."""

from __future__ import annotations

from ..._errors import StateError
from ..._reasons import Reason
from ..._strict import Malformed, base64, folded, utf8
from ..forwarding import Continue, Refused, forwarded
from ._answers import Answer, Running, accepted, facts, refused
from ._asking import AskingSession
from ._words import (
    LINE_LIMIT,
    MAJOR,
    MINOR,
    MOST,
    OUT_OF_BAND,
    Reply,
    message,
    number,
    parameter,
    read_parameters,
    read_version,
    write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..._channel import Channel
    from ...mechanisms import Mechanism

_MOST_CANCELLED = 4096  # whose last words may still come


class TooLong(ValueError):
    """A message over the limit of a line: it cannot be asked about."""


class ClientSession(AskingSession[Answer]):
    """A connection to an authentication service, for any number of exchanges at a time.

    Send what `data_to_send` gives after each call, and feed `receive` with what comes.
    When `ready`, `mechanisms` are known, and `begin` begins an exchange. `pid` is this
    process; `pid`, the exchange's id and `cookie` are for a master's REQUEST, which
    `login` lets follow.
    """

    __slots__ = (
        "_cancelled",
        "_last",
        "_login",
        "_mechanisms",
        "_minor",
        "_open",
        "cookie",
        "number",
        "pid",
        "ready",
        "server_pid",
    )
    __match_args__ = ("pid", "ready")

    def __init__(self, *, pid: int, login: bool = False) -> None:
        version = write(b"VERSION", b"%d" % MAJOR, b"%d" % MINOR)
        super().__init__(bytes(Reply(version, write(b"CPID", b"%d" % pid))))
        self.pid = pid
        self.ready = False
        self.cookie = b""
        self.server_pid = 0
        self.number = 0  # the server's for this connection (CUID)
        self._login = login
        self._minor: int | None = None  # of the server's version
        self._mechanisms: dict[str, tuple[str, ...]] = {}
        self._last = 0
        self._open: dict[int, Running] = {}
        self._cancelled: dict[int, None] = {}  # in the order of their end

    @property
    def mechanisms(self) -> Mapping[str, tuple[str, ...]]:
        """What is on offer: the flags of each, by name."""
        return self._mechanisms

    def forwarded(self) -> tuple[Mechanism, ...]:
        """Return what is on offer to be run by others' sessions: for their `forward`."""
        return tuple(
            forwarded(name, flags)
            for name, flags in self._mechanisms.items()
            if "private" not in flags  # run by other commands than AUTH (APOP)
        )

    @property
    def open(self) -> frozenset[int]:
        """The ids of the exchanges under way."""
        return frozenset(self._open)

    def begin(
        self,
        mechanism: str,
        initial: bytes | None,
        channel: Channel,
        *,
        service: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> int:
        """Begin an exchange with a raw initial response, None for none; return its id.

        The facts of `channel` go along, its bindings when they are asked for. `service`
        is the protocol (smtp, imap, ...), if the channel does not say it; `parameters`
        are more for the AUTH line (session, no-penalty, ...). Raise StateError where the
        session is not ready or over; ValueError for a mechanism that is not on offer and
        a parameter that the channel states; TooLong, which is one.
        """
        self._must_be_ready()
        if mechanism not in self._mechanisms:
            raise ValueError("a mechanism that is not on offer")
        fields = facts(channel, service, parameters, self._login)
        if initial is not None:
            fields.append(b"resp=" + message(initial))
        identifier = self._next()
        self._say(b"AUTH", b"%d" % identifier, mechanism.encode("ascii"), *fields)
        self._open[identifier] = Running(mechanism, channel)
        return identifier

    def go_on(self, identifier: int, response: bytes) -> Answer | None:
        """Answer a challenge with a raw response; return the answer where the server has
        said it already, None where it is to come. Raise as `begin`.
        """
        self._must_be_ready()
        running = self._open.get(identifier)
        if running is None:
            raise StateError("no such exchange is under way")
        if running.refused is not None:
            del self._open[identifier]
            return running.refused
        self._respond(identifier, running, message(response))
        return None

    def cancel(self, identifier: int) -> None:
        """End an exchange; nothing happens where it has ended. Its answer is not waited
        for, and ignored.
        """
        running = self._open.pop(identifier, None)
        if running is None or running.refused is not None or self._over:
            return
        self._cancelled[identifier] = None
        if len(self._cancelled) > _MOST_CANCELLED:
            del self._cancelled[next(iter(self._cancelled))]
        self._say(b"CANCEL", b"%d" % identifier)

    def closed(self) -> list[Answer]:
        """Take the end of the connection; return that the open exchanges are refused, for
        now.
        """
        lost = self._end()
        self._open = {}
        refused = Refused(Reason.UNAVAILABLE, "the authentication service is gone")
        return [Answer(identifier, refused) for identifier in lost]

    def _must_be_ready(self) -> None:
        if self._over or not self.ready:
            raise StateError("the session is over, or has not shaken hands")

    def _next(self) -> int:
        # An id is used again after all others: 32 bits of them.
        while True:
            self._last = self._last % MOST + 1
            if self._last not in self._open and self._last not in self._cancelled:
                return self._last

    def _say(self, *fields: bytes) -> None:
        line = write(*fields) + b"\n"
        if len(line) > LINE_LIMIT:
            raise TooLong("a message over the limit of a line")
        self._out += line

    def _line(self, fields: list[bytes]) -> Answer | None:
        if not self.ready:
            self._shake_hands(fields)
            return None
        match fields:
            case [b"CONT", identifier, text, *parameters]:
                return self._challenged(number(identifier), text, parameters)
            case [b"OK", identifier, *parameters]:
                return self._accepted(number(identifier), parameters)
            case [b"FAIL", identifier, *parameters]:
                return self._refused(number(identifier), parameters)
            case [b"CANCELLED", identifier, *_]:
                self._cancelled.pop(number(identifier), None)
                return None
        raise Malformed("no reply of this protocol")

    def _shake_hands(self, fields: list[bytes]) -> None:
        if self._minor is None:
            self._minor = read_version(fields)
            return
        match fields:
            case [b"MECH", name, *flags]:
                told = tuple(flag.decode("ascii", "replace") for flag in flags)
                self._mechanisms[folded(utf8(name))] = told
            case [b"SPID", pid]:
                self.server_pid = number(pid)
            case [b"CUID", cuid]:
                self.number = number(cuid, 0)
            case [b"COOKIE", cookie]:
                if self.cookie or not cookie:
                    raise Malformed("the server sends one cookie")
                self.cookie = cookie
            case [b"DONE"]:
                if not self.cookie or not self._mechanisms:
                    raise Malformed("a handshake without a cookie or mechanisms")
                self.ready = True
            case _:
                raise Malformed("no line of the handshake")

    def _challenged(
        self, identifier: int, text: bytes, parameters: list[bytes]
    ) -> Answer | None:
        running = self._running(identifier)
        if running is None:
            return None
        out_of_band = text == OUT_OF_BAND
        try:
            fields = read_parameters(parameters)
            data = b"" if out_of_band else base64(text)
        except Malformed as error:
            return self._give_up(identifier, Reason.UNAVAILABLE, str(error))
        if "channel_binding" in fields and not running.bind(
            fields.get("channel_binding")
        ):
            return self._give_up(identifier, Reason.MALFORMED, "no such binding")
        if not out_of_band:
            return Answer(identifier, Continue(data), fields)
        self._respond(identifier, running, OUT_OF_BAND)
        return None

    def _respond(self, identifier: int, running: Running, text: bytes) -> None:
        fields = [b"CONT", b"%d" % identifier, text]
        if running.binding is not None:
            said = message(running.binding).decode("ascii")
            fields.append(parameter("channel_binding", said))
        self._say(*fields)
        running.binding = None

    def _accepted(self, identifier: int, parameters: list[bytes]) -> Answer | None:
        running = self._running(identifier)
        if running is None:
            return None
        del self._open[identifier]
        try:
            fields = read_parameters(parameters)
            return Answer(identifier, accepted(fields, running.mechanism), fields)
        except Malformed as error:
            return Answer(identifier, Refused(Reason.UNAVAILABLE, str(error)))

    def _refused(self, identifier: int, parameters: list[bytes]) -> Answer | None:
        running = self._running(identifier)
        if running is None:
            return None
        try:
            fields = read_parameters(parameters)
            last = base64(fields.get("resp").encode())
        except Malformed as error:
            del self._open[identifier]
            return Answer(identifier, Refused(Reason.UNAVAILABLE, str(error)))
        answer = Answer(identifier, refused(fields), fields)
        if last:
            # A last challenge (what is wrong with a token), which is to be answered
            # before the client hears that it failed.
            running.refused = answer
            return Answer(identifier, Continue(last))
        del self._open[identifier]
        return answer

    def _running(self, identifier: int) -> Running | None:
        """Return an exchange that may be answered, None for one that was cancelled."""
        running = self._open.get(identifier)
        if running is not None and running.refused is None:
            return running
        if identifier not in self._cancelled:
            raise Malformed("a reply to nothing that was asked")
        return None

    def _give_up(self, identifier: int, reason: Reason, detail: str) -> Answer:
        self.cancel(identifier)
        return Answer(identifier, Refused(reason, detail))
