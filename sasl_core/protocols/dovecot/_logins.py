"""Logins: who has logged in, until a master asks; and what it is told of a user."""

from __future__ import annotations

from hmac import compare_digest

from ..._value import Frozen, Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from ..._values import Identity
    from ._words import Fields

    class Session(Protocol):
        """A client's session, as far as it matters here."""

        @property
        def cookie(self) -> bytes: ...


class Found(Frozen):
    """A user who was looked up: nobody has proved to be him.

    `fields` are for whoever serves him (uid, gid, home, ...). It can stand nowhere for a
    `Verified`, which only an exchange gives.
    """

    __slots__ = __match_args__ = ("username", "fields")
    _secret = frozenset({"fields"})  # a proxy's have passwords among them

    username: str
    fields: Mapping[str, str]

    def __init__(self, username: str, fields: Mapping[str, str] | None = None) -> None:
        object.__setattr__(self, "username", username)
        object.__setattr__(self, "fields", dict(fields or {}))

    def __hash__(self) -> int:
        return hash(self.username)


class Login(Frozen):
    """An exchange that succeeded: who it was, and its AUTH line's parameters."""

    __slots__ = __match_args__ = ("identity", "parameters")

    identity: Identity
    parameters: Fields

    def __init__(self, identity: Identity, parameters: Fields) -> None:
        object.__setattr__(self, "identity", identity)
        object.__setattr__(self, "parameters", parameters)


class Logins(Secretive):
    """The logins that a master may still ask for, each once; shared by the sessions of
    clients and masters. At most `limit` are kept: the oldest goes first.
    """

    __slots__ = ("_limit", "_logins", "_sessions")

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._sessions: dict[int, Session] = {}
        self._logins: dict[tuple[bytes, int], Login] = {}

    def enter(self, pid: int, session: Session) -> bool:
        """Take note of a client's process; False where another has its id."""
        return self._sessions.setdefault(pid, session) is session

    def leave(self, session: Session) -> None:
        """Forget a client that is gone, and its logins."""
        for pid, each in list(self._sessions.items()):
            if each is session:
                del self._sessions[pid]
        for key in [key for key in self._logins if key[0] == session.cookie]:
            del self._logins[key]

    def add(
        self, session: Session, identifier: int, identity: Identity, parameters: Fields
    ) -> None:
        """Keep a login."""
        self._logins.pop((session.cookie, identifier), None)
        self._logins[session.cookie, identifier] = Login(identity, parameters)
        while len(self._logins) > self._limit:
            del self._logins[next(iter(self._logins))]

    def take(self, pid: int, identifier: int, cookie: bytes) -> Login | None:
        """Give out a login, to who knows the cookie of the client's connection."""
        session = self._sessions.get(pid)
        if session is None or not compare_digest(session.cookie, cookie):
            return None
        return self._logins.pop((session.cookie, identifier), None)
