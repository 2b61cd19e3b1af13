"""Both halves of the master's connection: what is known of a user, or of a login."""

from __future__ import annotations

from ..._errors import StateError
from ..._strict import Malformed, utf8
from ..._value import Frozen, Secretive
from .._lines import LineBuffer
from ._asking import AskingSession
from ._logins import Found
from ._words import (
    LINE_LIMIT,
    MAJOR,
    MOST,
    Fields,
    Reply,
    number,
    parameter,
    read_parameters,
    read_version,
    split,
    write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from ..._values import Identity
    from ._logins import Logins

    Action: TypeAlias = "Reply | FindUser"

_MINOR = 1
_NOTHING = Reply()
_END = Reply(close=True)
_VERSION = write(b"VERSION", b"%d" % MAJOR, b"%d" % _MINOR)


class FindUser(Secretive):
    """What is known of `username`? Settle it by `MasterServer.resume`.

    `login`: who he proved to be, where that is asked of a login; None for a mere look-up.
    """

    __slots__ = ("_id", "login", "parameters", "username")
    __match_args__ = ("username", "parameters", "login")

    def __init__(
        self,
        identifier: int,
        username: str,
        parameters: Fields,
        login: Identity | None,
    ) -> None:
        self._id = identifier
        self.username = username
        self.parameters = parameters
        self.login = login


class MasterServer(Secretive):
    """A master's connection, at the authentication service.

    As `ServerSession`, but what is asked is a FindUser. `logins` are those of the
    clients' sessions; without, no REQUEST finds any.
    """

    __slots__ = ("_greeted", "_logins", "_open", "_over", "incoming", "pid")
    __match_args__ = ("pid",)

    def __init__(self, *, pid: int, logins: Logins | None = None) -> None:
        self.pid = pid
        self.incoming = LineBuffer(LINE_LIMIT, bare_lf=True)
        self._logins = logins
        self._greeted = False
        self._over = False
        self._open: set[FindUser] = set()

    def greeting(self) -> Reply:
        """Return what to send first."""
        return Reply(_VERSION, write(b"SPID", b"%d" % self.pid))

    def receive(self, line: bytes) -> Action:
        """Take one line; return what to do. Raise StateError after the end."""
        if self._over:
            raise StateError("the connection is over")
        try:
            if len(line) > LINE_LIMIT:
                raise Malformed("a line over the limit")
            return self._command(split(line.removesuffix(b"\n").removesuffix(b"\r")))
        except Malformed:
            self.closed()
            return _END

    def resume(self, question: FindUser, answer: Found | None) -> Reply:
        """Take what is known of the user, None for an unknown one; return the reply.

        Raise StateError for anything else.
        """
        if answer is not None and type(answer) is not Found:
            raise StateError(f"{type(answer).__name__} is no answer to a FindUser")
        if not self._settle(question):
            return _NOTHING
        identifier = b"%d" % question._id
        if answer is None:
            return Reply(write(b"NOTFOUND", identifier))
        fields = (parameter(name, text) for name, text in answer.fields.items())
        return Reply(write(b"USER", identifier, answer.username.encode(), *fields))

    def unavailable(self, question: FindUser) -> Reply:
        """Say that it cannot be told now."""
        if not self._settle(question):
            return _NOTHING
        return Reply(write(b"FAIL", b"%d" % question._id))

    def closed(self) -> None:
        """Take the end of the connection."""
        self._over = True
        self._open.clear()

    def _settle(self, question: FindUser) -> bool:
        due = question in self._open
        self._open.discard(question)
        return due

    def _command(self, fields: list[bytes]) -> Action:
        if not self._greeted:
            read_version(fields)
            self._greeted = True
            return _NOTHING
        match fields:
            case [b"REQUEST", identifier, pid, login, cookie, *_]:
                return self._request(
                    number(identifier), number(pid), number(login), cookie
                )
            case [b"USER", identifier, username, *parameters]:
                given = read_parameters(parameters)
                if not (given.get("service") or given.get("protocol")):
                    raise Malformed("USER without a service")
                return self._ask(number(identifier), utf8(username), given, None)
        raise Malformed("no command of this protocol")

    def _request(self, identifier: int, pid: int, login: int, cookie: bytes) -> Action:
        found = self._logins.take(pid, login, cookie) if self._logins else None
        if found is None:
            return Reply(write(b"FAIL", b"%d" % identifier))
        identity = found.identity
        return self._ask(identifier, identity.authzid, found.parameters, identity)

    def _ask(
        self, identifier: int, username: str, given: Fields, login: Identity | None
    ) -> FindUser:
        asked = FindUser(identifier, username, given, login)
        self._open.add(asked)
        return asked


class LookedUp(Frozen):
    """The answer to the look-up `id`: `found` is None for an unknown user, and where it
    `failed`.
    """

    __slots__ = __match_args__ = ("id", "found", "failed")

    id: int
    found: Found | None
    failed: bool

    def __init__(
        self, identifier: int, found: Found | None, failed: bool = False
    ) -> None:
        object.__setattr__(self, "id", identifier)
        object.__setattr__(self, "found", found)
        object.__setattr__(self, "failed", failed)


class MasterClient(AskingSession[LookedUp]):
    """A master's connection, at the mail server: `user` and `request` ask; send what
    `data_to_send` gives, and feed `receive` with what comes.
    """

    __slots__ = ("_greeted", "_last", "_open")

    def __init__(self) -> None:
        super().__init__(_VERSION + b"\n")
        self._greeted = False
        self._last = 0
        self._open: set[int] = set()

    def user(
        self,
        username: str,
        service: str,
        parameters: Mapping[str, str] | None = None,
    ) -> int:
        """Look up a user; return the id of the look-up."""
        given = {"service": service, **(parameters or {})}
        fields = (parameter(name, text) for name, text in given.items())
        return self._say(b"USER", username.encode(), *fields)

    def request(self, client_pid: int, login: int, cookie: bytes) -> int:
        """Ask of a login that the service has just seen; return the id.

        `client_pid`, `login` and `cookie` are the client's `ClientSession.pid`, the id of
        its exchange, and its `ClientSession.cookie`.
        """
        return self._say(b"REQUEST", b"%d" % client_pid, b"%d" % login, cookie)

    def closed(self) -> list[LookedUp]:
        """Take the end of the connection; return that the open look-ups have failed."""
        lost = self._end()
        self._open = set()
        return [LookedUp(each, None, failed=True) for each in lost]

    def _say(self, verb: bytes, *fields: bytes) -> int:
        if self._over or self._last >= MOST:
            raise StateError("the connection is over")
        self._last += 1
        self._open.add(self._last)
        self._out += write(verb, b"%d" % self._last, *fields) + b"\n"
        return self._last

    def _line(self, fields: list[bytes]) -> LookedUp | None:
        if not self._greeted:
            read_version(fields)
            self._greeted = True
            return None
        match fields:
            case [b"SPID", _]:
                return None
            case [b"NOTFOUND", identifier, *_]:
                return LookedUp(self._due(identifier), None)
            case [b"FAIL", identifier, *_]:
                return LookedUp(self._due(identifier), None, failed=True)
            case [b"USER", identifier, username, *parameters]:
                values = read_parameters(parameters).values
                found = Found(utf8(username), values)
                return LookedUp(self._due(identifier), found)
        raise Malformed("no reply of this protocol")

    def _due(self, identifier: bytes) -> int:
        found = number(identifier)
        if found not in self._open:
            raise Malformed("a reply to nothing that was asked")
        self._open.remove(found)
        return found
