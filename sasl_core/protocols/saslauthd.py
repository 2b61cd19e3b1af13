"""Cyrus's saslauthd protocol, both sides: a program asks whether a password is right.

By Cyrus SASL's `saslauthd/saslauthd-main.c` and `lib/checkpw.c`: a client writes login,
password, service and realm, each behind its length in two octets, big endian, and reads
one such string, which begins with OK or NO. That is all of a connection.
"""

from __future__ import annotations

from .._channel import Channel
from .._errors import CredentialsError, ProtocolError, StateError
from .._events import Challenge, Failure, Request, Success
from .._policy import DEFAULT
from .._reasons import Reason
from .._strict import Malformed, encoded, printable, utf8
from .._value import Secretive
from .._values import Identity
from ._password_checks import check_password
from ._replies import BaseReply
from ._settled import must_be_settled
from .forwarding import Refused, Verified

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .._events import Event
    from .._policy import Policy
    from .._server import Server

__all__ = ["ClientSession", "Refused", "Reply", "ServerSession", "Verified"]

# Of login, password, service and realm: more than Cyrus takes.
_LIMITS = (1024, 4096, 256, 1024)
_MOST_REPLY = 1024
# What stands behind NO is for logs; and it has no word for a failure that is temporary.
_REPLIES = dict.fromkeys(Reason, "NO authentication failed") | {
    Reason.MALFORMED: "NO malformed request",
    Reason.TOO_LONG: "NO request too long",
    Reason.UNAVAILABLE: "NO temporarily unavailable",
}


class Reply(BaseReply):
    """The answer; the connection ends with it."""

    __slots__ = __match_args__ = ("text", "close")

    text: str

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "close", True)

    def __bytes__(self) -> bytes:
        return _counted(self.text.encode())


class ServerSession(Secretive):
    """A connection from a program that asks us about a password.

    Feed `receive` with what comes: it returns None where more is to come; a Reply to
    send, and close; or a Request: settle it, and `resume` with the event that this gave.
    Nothing that comes makes it raise.

    A realm is joined to the login by `@`, but for one of `local_realms`, whose accounts
    are stored without. `policy` and `answers` as in `sasl_core.server`: the password is
    checked as PLAIN's, over a channel that is encrypted: a UNIX socket leaves the host
    no more than that. `remote`: the address of who wants to log in, if it is known.
    """

    __slots__ = (
        "_answers",
        "_buffer",
        "_decision",
        "_local",
        "_over",
        "_parts",
        "_policy",
        "_remote",
        "_request",
        "_server",
    )

    def __init__(
        self,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        local_realms: Collection[str] = (),
        remote: str | None = None,
    ) -> None:
        self._policy = policy
        self._answers = None if answers is None else frozenset(answers)
        self._local = frozenset(local_realms)
        self._remote = remote
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._server: Server | None = None
        self._request: Request | None = None
        self._decision: tuple[Server, Success | Failure] | None = None
        self._over = False

    def receive(self, data: bytes) -> Reply | Request | None:
        """Take octets; return what to do. Raise StateError after the request is whole."""
        if self._over or self._server is not None:
            raise StateError("the request has come, and is being answered")
        self._buffer += data
        while len(self._parts) < len(_LIMITS):
            size = int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) >= 2 and size > _LIMITS[len(self._parts)]:
                return self._refuse(Reason.TOO_LONG)
            if len(self._buffer) < 2 + size:
                return None
            self._parts.append(bytes(self._buffer[2 : 2 + size]))
            del self._buffer[: 2 + size]
        if self._buffer:
            return self._refuse(Reason.MALFORMED)
        return self._check(*self._parts)

    def resume(self, event: Event) -> Reply | Request:
        """Go on with the event that the settled request gave; return what to do.

        Raise StateError if no request waits, if it was not answered, or if that is not
        an event.
        """
        must_be_settled(self._request, event)
        self._request = None
        return self._follow(event)

    def unavailable(self, detail: str = "") -> Reply | Request:
        """Give up the request that waits: the application failed, in whatever state."""
        if self._request is None or self._server is None:
            raise StateError("no request waits for an answer")
        self._request = None
        return self._follow(self._server.abort(detail, reason=Reason.UNAVAILABLE))

    def shutdown(self) -> Reply:
        """Say, as the last thing whatever the state, that it cannot be told now."""
        if self._server is not None and not self._over:
            reason, detail = Reason.UNAVAILABLE, "the service shuts down"
            self._decision = self._server, self._server.abort(detail, reason=reason)
        return self._refuse(Reason.UNAVAILABLE)

    def decision(self) -> tuple[Server, Success | Failure] | None:
        """Take the exchange and how it ended, once, as in the sessions of protocols."""
        decision, self._decision = self._decision, None
        return decision

    def closed(self) -> None:
        """Take the end of the connection; what is open is aborted."""
        if self._server is not None and not self._over:
            self._decision = self._server, self._server.abort()
        self._over = True
        self._request = None
        self._buffer.clear()
        self._parts.clear()

    def _check(
        self, login: bytes, password: bytes, service: bytes, realm: bytes
    ) -> Reply | Request:
        self._parts = []
        try:
            joined = utf8(realm)
            channel = Channel(True, service=utf8(service), remote=self._remote)
        except Malformed:
            return self._refuse(Reason.MALFORMED)
        if joined and joined not in self._local:
            login = b"%b@%b" % (login, realm)
        # PLAIN has no place for a NUL: with one, that would be another message.
        if b"\0" in login or b"\0" in password:
            return self._refuse(Reason.MALFORMED)
        self._server, event = check_password(
            login,
            password,
            channel=channel,
            policy=self._policy,
            answers=self._answers,
        )
        return self._follow(event)

    def _follow(self, event: Event) -> Reply | Request:
        if isinstance(event, Request):
            self._request = event
            return event
        self._over = True
        if isinstance(event, Challenge):  # PLAIN has none
            event = Failure(Reason.MALFORMED, "a password has no second question")
        if self._server is not None:
            self._decision = self._server, event
        if isinstance(event, Failure):
            return Reply(_REPLIES[event.reason])
        return Reply("OK")

    def _refuse(self, reason: Reason) -> Reply:
        self._over = True
        self._request = None
        self._buffer.clear()
        self._parts.clear()
        return Reply(_REPLIES[reason])


class ClientSession(Secretive):
    """A question to a saslauthd: send `request`, feed `receive` with what comes.

    `realm`: None takes it off the username, behind the last `@`, as Cyrus does. Raise
    CredentialsError for an empty username or password, a NUL, and what is over a limit:
    what a C program takes for another password than it is.
    """

    __slots__ = ("_buffer", "_identity", "_over", "request")

    def __init__(
        self,
        username: str,
        password: str,
        *,
        service: str = "smtp",
        realm: str | None = None,
    ) -> None:
        login = username
        if realm is None:
            login, _, realm = username.rpartition("@")
            if not login:
                login, realm = username, ""
        problem, request = "", b""
        for text, limit in zip((login, password, service, realm), _LIMITS, strict=True):
            try:
                octets = encoded(text)
            except ValueError:
                octets = b"\0"
            if b"\0" in octets or len(octets) > limit:
                problem = "no UTF-8, a NUL, or more octets than saslauthd takes"
            else:
                request += _counted(octets)
            del text, octets
        if not login or not password:
            problem = "neither a username nor a password is empty"
        if problem:
            del password, request  # a traceback shows locals
            raise CredentialsError(problem)
        self.request = request
        self._identity = Identity(username)
        self._buffer = bytearray()
        self._over = False

    def receive(self, data: bytes) -> Verified | Refused | None:
        """Take octets; return the verdict, None where more is to come.

        Only OK, alone or before a space, is a yes. Raise ProtocolError for a reply over
        the limit, or with more behind it; StateError after the end.
        """
        if self._over:
            raise StateError("the verdict has come")
        self._buffer += data
        size = int.from_bytes(self._buffer[:2], "big")
        if len(self._buffer) < 2 + min(size, _MOST_REPLY):
            return None
        self._over = True
        if size > _MOST_REPLY or len(self._buffer) > 2 + size:
            raise ProtocolError("a reply over the limit, or more than one")
        word, _, text = bytes(self._buffer[2:]).partition(b" ")
        if word == b"OK":
            return Verified(self._identity)
        detail = printable(text.decode(errors="replace"))
        if word == b"NO":
            return Refused(Reason.BAD_CREDENTIALS, detail)
        return Refused(Reason.UNAVAILABLE, "neither OK nor NO")

    def closed(self) -> Refused:
        """Take the end of the connection before the verdict: it is none."""
        self._over = True
        return Refused(Reason.UNAVAILABLE, "saslauthd closed the connection")


def _counted(octets: bytes) -> bytes:
    return len(octets).to_bytes(2, "big") + octets
