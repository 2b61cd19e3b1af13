"""Connections to a directory: each is used by one thread at a time, and then again.

What ldap3 raises ends here: its texts can show what was asked, and of whom.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ._account import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Protocol, TypeAlias

    # attribute -> operations and their values; "MODIFY_DELETE" without values would
    # delete the whole attribute.
    Changes: TypeAlias = dict[str, list[tuple[str, list[bytes]]]]
    Control: TypeAlias = tuple[str, bool, bytes]

    class Connection(Protocol):
        """What is asked of an `ldap3.Connection` with a synchronous strategy."""

        @property
        def bound(self) -> bool: ...
        @property
        def result(self) -> Any: ...
        @property
        def response(self) -> Any: ...
        def search(
            self, search_base: str, search_filter: str, **options: Any
        ) -> Any: ...
        def modify(self, dn: str, changes: Changes, **options: Any) -> Any: ...
        def bind(self) -> Any: ...
        def unbind(self) -> Any: ...


_T = TypeVar("_T")
_PAGED = "1.2.840.113556.1.4.319"  # RFC 2696
SUCCESS = 0  # RFC 4511, section 4.1.9


class Dead(Unavailable):
    """No answer came: the connection can be of no more use."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a search shows of an entry; `values` by attribute, in lower case."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]]

    def get(self, attribute: str | None) -> tuple[bytes, ...]:
        """Return the values of an attribute; none, if there is no such."""
        return self.values.get(attribute.lower(), ()) if attribute else ()


class Session:
    """A connection, and whether it is `sound`: not in the middle of an operation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.sound = True

    def search(
        self, base: str, search_filter: str, **options: Any
    ) -> tuple[list[Entry], bytes]:
        """Return the entries, and the cookie of the next page; raise Unavailable.

        References to other servers are passed over.
        """
        options |= {"search_base": base, "search_filter": search_filter}
        result, response = self._do(self._connection.search, options)
        if result["result"] != SUCCESS:
            raise Unavailable(f"the directory cannot tell: {told(result)}")
        entries = [
            _entry(found) for found in response if found["type"] == "searchResEntry"
        ]
        paged = (result.get("controls") or {}).get(_PAGED)
        return entries, paged["value"]["cookie"] if paged else b""

    def modify(
        self, dn: str, changes: Changes, controls: Sequence[Control]
    ) -> Mapping[str, Any]:
        """Change an entry at one stroke, and return the result, whatever it is."""
        # Not Dead: it may have been done, so it is not done again.
        options = {"dn": dn, "changes": changes, "controls": list(controls) or None}
        with suppress(Dead):
            return self._do(self._connection.modify, options)[0]
        raise Unavailable("the directory did not say whether it made the change")

    def bind(self) -> Mapping[str, Any]:
        """Bind as whom the connection is for; return the result, whatever it is.

        Raise Unavailable.
        """
        return self._do(self._connection.bind, {})[0]

    def close(self) -> None:
        """Unbind, if it is still there."""
        with suppress(Exception):  # it is given up in any case
            self._connection.unbind()

    def _do(
        self, operation: Callable[..., Any], options: dict[str, Any]
    ) -> tuple[Mapping[str, Any], Sequence[Any]]:
        self.sound = False
        answer, problem, raised = None, "no result", None
        try:
            answer = operation(**options)
        except Exception as error:
            problem = type(error).__name__
            # With raise_exceptions, also a result is raised, after it was stored.
            raised = getattr(error, "result", None)
        if answer is None:
            result = self._connection.result
            if type(raised) is not int or not result or result["result"] != raised:
                raise Dead(f"the directory cannot be asked: {problem}")
            response = ()
        elif isinstance(answer, tuple):  # SAFE_SYNC
            result, response = answer[1:3]
        elif isinstance(answer, bool):
            result, response = self._connection.result, self._connection.response
        else:
            raise TypeError("the strategy of the connection is SYNC or SAFE_SYNC")
        self.sound = True
        return result, response or ()


class Connections:
    """Make sessions by `connect`, and keep at most `idle` of them for the next one."""

    def __init__(self, connect: Callable[[], Connection], idle: int) -> None:
        self._connect = connect
        self._most = idle
        self._idle: list[Session] = []
        self._process = os.getpid()

    def run(self, work: Callable[[Session], _T]) -> _T:
        """Return what `work` does with a session, no other thread having it.

        Where one that lay idle turns out to be dead, it is done again with a new one.
        """
        self._forget_the_parent_s()
        session = self._idle.pop() if self._idle else None
        if session is not None:
            with suppress(Dead):
                return self._use(session, work)
            self.close()  # they lay there for longer
        return self._use(self._new(), work)

    @contextmanager
    def own(self) -> Iterator[Session]:
        """Give a new session, and close it at the end of the block."""
        session = self._new()
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Close the sessions that are not in use."""
        self._forget_the_parent_s()
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _new(self) -> Session:
        connection = None
        problem = "it is not bound"
        try:
            connection = self._connect()
        except Exception as error:
            problem = type(error).__name__
        if connection is not None:
            session = Session(connection)
            # To nobody, a directory shows no passwords, or none of its entries at all.
            if connection.bound:
                return session
            session.close()
        raise Dead(f"no connection to the directory: {problem}")

    def _use(self, session: Session, work: Callable[[Session], _T]) -> _T:
        try:
            return work(session)
        finally:
            if session.sound and len(self._idle) < self._most:
                self._idle.append(session)
            else:
                session.close()

    def _forget_the_parent_s(self) -> None:
        # After a fork, two processes would read each other's answers. They are not closed
        # either: to unbind ends the connection for the parent, too.
        if self._process != os.getpid():
            self._process, self._idle = os.getpid(), []


def told(result: Mapping[str, Any]) -> str:
    """Return a result's name and number, but not the server's own text."""
    return f"{result.get('description', 'result')} ({result['result']})"


def _entry(found: Mapping[str, Any]) -> Entry:
    values = {
        name.lower(): tuple(map(bytes, octets or ()))
        for name, octets in found["raw_attributes"].items()
    }
    return Entry(found["dn"], values)
