"""SqlStore: accounts in any database that has a PEP 249 driver.

Values are only ever parameters, never part of a statement. `schema` is a table that does;
one's own tables need one's own statements.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from .. import records
from .._reasons import Reason
from ._account import Account, Unavailable, can_be_a_name, must_be_a_name
from ._sqlite import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Protocol

    from ..records import Verifiers

    class Cursor(Protocol):
        """What is asked of a PEP 249 cursor."""

        @property
        def rowcount(self) -> int: ...
        def execute(self, operation: str, parameters: Any = ..., /) -> Any: ...
        def fetchall(self) -> Sequence[Sequence[Any]]: ...
        def fetchmany(self, size: int = ..., /) -> Sequence[Sequence[Any]]: ...
        def close(self) -> Any: ...

    class Connection(Protocol):
        """What is asked of a PEP 249 connection."""

        def cursor(self) -> Cursor: ...
        def commit(self) -> Any: ...
        def rollback(self) -> Any: ...
        def close(self) -> Any: ...


__all__ = ["ACCOUNTS", "DELETE", "FIND", "INSERT", "UPDATE", "SqlStore", "schema"]

FIND = (
    "SELECT username, records, authzids, refusal FROM sasl_account"
    " WHERE username = :username"
)
ACCOUNTS = "SELECT username, records, authzids, refusal FROM sasl_account"
INSERT = (
    "INSERT INTO sasl_account (username, records, authzids, refusal)"
    " VALUES (:username, :records, :authzids, :refusal)"
)
UPDATE = (
    "UPDATE sasl_account SET records = :records, authzids = :authzids,"
    " refusal = :refusal WHERE username = :username AND records = :old_records"
    " AND authzids = :old_authzids AND refusal = :old_refusal"
)
DELETE = (
    "DELETE FROM sasl_account WHERE username = :username AND records = :old_records"
    " AND authzids = :old_authzids AND refusal = :old_refusal"
)

_T = TypeVar("_T")
_TYPES = {
    "sqlite": ("TEXT", "TEXT"),
    "postgresql": ("TEXT", "TEXT"),
    # Octets: its text compares "Jürgen" and "JURGEN " as one.
    "mysql": ("VARBINARY(1024)", "BLOB"),
}
_KNOWN = 4096  # rows whose records are kept parsed
_BATCH = 500

# Strings, quoted names, comments and casts are passed over; then a named parameter.
_WORDS = re.compile(
    r"""('(?:[^']|'')*'|"[^"]*"|`[^`]*`|--[^\n]*|/\*.*?\*/|::)|:([a-z_]+)|(%)""",
    re.DOTALL,
)


def schema(kind: str) -> str:
    """Return the statement that makes the table: `sqlite`, `postgresql` or `mysql`.

    username  the name as the mechanism has prepared it, compared octet by octet
    records   one record a line, each in a form that `records.parse` reads
    authzids  whom else the user may act as, separated by line ends
    refusal   empty, or the name of the `Reason` why he may not log in
    """
    name, text = _TYPES[kind]
    return (
        f"CREATE TABLE sasl_account (username {name} NOT NULL PRIMARY KEY,"
        f" records {text} NOT NULL, authzids {text} NOT NULL, refusal {text} NOT NULL)"
    )


class SqlStore:
    """Accounts in a database. A `Store`, for many threads and processes.

    `driver` is the PEP 249 module (its `paramstyle` and exceptions are used), `connect`
    makes a connection; those not in use are kept and used again. The statements have
    named parameters (`:username`), whatever the driver's style is. `find` and `accounts`
    give rows of username, records, and, if they like, authzids and refusal; several rows
    for one user add up. A row whose username is not the one asked for, to the letter, is
    passed over: SQL may find `ALICE` and `alice ` for `alice`; `exact=False` allows that.
    `update` and `delete` change the row that has the old values only. `verifiers` as in
    `records.parse`.
    """

    def __init__(
        self,
        driver: Any,
        connect: Callable[[], Connection],
        *,
        find: str = FIND,
        accounts: str = ACCOUNTS,
        insert: str = INSERT,
        update: str = UPDATE,
        delete: str = DELETE,
        exact: bool = True,
        verifiers: Verifiers | None = None,
        idle: int = 8,
    ) -> None:
        style = driver.paramstyle
        self._find = _Statement(find, style)
        self._accounts = _Statement(accounts, style)
        self._insert = _Statement(insert, style)
        self._update = _Statement(update, style)
        self._delete = _Statement(delete, style)
        self._driver = driver
        self._connect = connect
        self._exact = exact
        self._verifiers = verifiers
        self._most_idle = idle
        self._idle: list[Connection] = []
        self._known: dict[tuple[Any, ...], Account] = {}
        _stores.add(self)

    @classmethod
    def sqlite(
        cls,
        path: str | os.PathLike[str],
        *,
        verifiers: Verifiers | None = None,
        timeout: float = 10.0,
    ) -> SqlStore:
        """Make a store in an SQLite file, in WAL mode; make the table if there is none.

        `timeout`: seconds to wait for another writer.
        """
        store = cls(sqlite3, partial(connect, path, timeout), verifiers=verifiers)
        make = schema("sqlite").replace("TABLE", "TABLE IF NOT EXISTS")
        store._change(_Statement(make, sqlite3.paramstyle), {})
        return store

    def find(self, username: str) -> Account | None:
        """Return the account of just this name; raise Unavailable."""
        if not can_be_a_name(username):
            return None
        rows = self._rows(self._find, {"username": username})
        if len(rows) == 1:
            return self._account(username, rows[0])
        return _sum(self._account(username, row) for row in rows)

    def replace(self, username: str, old: Account | None, new: Account | None) -> bool:
        """Put `new` in the place of `old`; see `Store.replace`."""
        must_be_a_name(username)
        values = {"username": username} | ({} if new is None else _columns(new))
        if old is None:
            if self.find(username) is not None:
                return False
            return new is None or self._change(self._insert, values)
        rows = self._rows(self._find, {"username": username})
        if len(rows) > 1:
            raise ValueError("an account of several rows is not changed here")
        if not rows or self._account(username, rows[0]) != old:
            return False
        # As they stand there: what is written may be another form of the same records.
        stored = dict(
            zip(("records", "authzids", "refusal"), rows[0][1:], strict=False)
        )
        values |= {f"old_{name}": value for name, value in stored.items()}
        return self._change(self._delete if new is None else self._update, values)

    def accounts(self) -> Iterator[tuple[str, Account]]:
        """Yield every account, those of several rows as often; raise Unavailable."""
        connection: Connection | None = None
        try:
            connection = self._connect()  # its own: it is in use for long
            cursor = connection.cursor()
            values = self._accounts.parameters({})
            cursor.execute(self._accounts.text, values)
            while rows := cursor.fetchmany(_BATCH):
                for row in rows:
                    username = _text(row[0])
                    account = self._account(username, row)
                    if account is not None:
                        yield username, account
            return
        except (self._driver.Error, OSError) as error:
            problem = _problem(error)
        finally:
            if connection is not None:
                _close(connection)
        raise Unavailable(f"the database cannot tell: {problem}")

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            _close(self._idle.pop())

    def _account(self, username: str, row: Sequence[Any]) -> Account | None:
        row = tuple(row)
        if self._exact and row[0] != username and _text(row[0]) != username:
            return None
        try:
            account = self._known.get(row)
        except TypeError:  # some drivers give octets as bytearray
            row = tuple(_text(value) for value in row)
            account = self._known.get(row)
        if account is None:
            account = _parsed(_text(row[0]), row, self._verifiers)
            if len(self._known) >= _KNOWN:
                self._known.clear()
            # By the row itself: what is stored anew is parsed anew.
            self._known[row] = account
        return account

    def _rows(
        self, statement: _Statement, values: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        def read(connection: Connection) -> Sequence[Sequence[Any]]:
            cursor = connection.cursor()
            cursor.execute(statement.text, statement.parameters(values))
            rows = cursor.fetchall()
            cursor.close()
            connection.commit()  # or a snapshot would be kept, and shown, for ever
            return rows

        return self._with_connection(read)

    def _change(self, statement: _Statement, values: Mapping[str, Any]) -> bool:
        def change(connection: Connection) -> bool:
            cursor = connection.cursor()
            try:
                cursor.execute(statement.text, statement.parameters(values))
            except self._driver.IntegrityError:
                connection.rollback()  # somebody was faster
                return False
            changed = cursor.rowcount == 1
            cursor.close()
            connection.commit()
            return changed

        return self._with_connection(change)

    def _with_connection(self, work: Callable[[Connection], _T]) -> _T:
        while True:
            try:
                connection, used = self._idle.pop(), True
            except IndexError:
                connection, used = None, False
            try:
                if connection is None:
                    connection = self._connect()
                result = work(connection)
            except (self._driver.Error, OSError) as error:
                problem = _problem(error)
            else:
                if len(self._idle) < self._most_idle:
                    self._idle.append(connection)
                else:
                    _close(connection)
                return result
            if connection is not None:
                _close(connection)
            # One that lay idle may have died with a restart of the database.
            if not used:
                raise Unavailable(f"the database cannot tell: {problem}")


def _problem(error: Exception) -> str:
    """Name an error, and its code, if it has one: its text can show what was written."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return type(error).__name__ + (f", {code}" if code else "")


class _Statement:
    """A statement in the driver's own style of parameters."""

    __slots__ = ("_names", "_positional", "text")

    def __init__(self, text: str, style: str) -> None:
        if style not in _STYLES:
            raise ValueError(f"PEP 249 has no paramstyle {style!r}")
        mark, self._positional, doubled = _STYLES[style]
        names: list[str] = []

        def written(found: re.Match[str]) -> str:
            passed, name, percent = found.groups()
            if name:
                names.append(name)
                return mark.format(name=name, number=len(names))
            whole: str = passed or percent
            return whole.replace("%", "%%") if doubled else whole

        self.text = _WORDS.sub(written, text)
        self._names = tuple(names)

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """Return the values as `execute` wants them."""
        if self._positional:
            return tuple(values[name] for name in self._names)
        return {name: values[name] for name in self._names}


# paramstyle -> how a parameter is written, whether by position, whether % is doubled
_STYLES = {
    "qmark": ("?", True, False),
    "numeric": (":{number}", True, False),
    "named": (":{name}", False, False),
    "format": ("%s", True, True),
    "pyformat": ("%({name})s", False, True),
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else bytes(value or b"").decode()


def _parsed(username: str, row: Sequence[Any], verifiers: Verifiers | None) -> Account:
    found: list[records.Record] = []
    for line in _text(row[1]).splitlines():
        # What cannot be read is no record; the others count.
        with suppress(ValueError):
            found += records.parse(line, username=username, verifiers=verifiers)
    authzids = _text(row[2]).splitlines() if len(row) > 2 else ()
    refusal = _text(row[3]) if len(row) > 3 else ""
    return Account(found, filter(None, authzids), _reason(refusal))


def _reason(name: str) -> Reason | None:
    if not name:
        return None
    return Reason.__members__.get(name.upper(), Reason.DISABLED)


def _columns(account: Account) -> dict[str, str]:
    return {
        "records": "\n".join(record.format() for record in account.records),
        "authzids": "\n".join(sorted(account.authzids)),
        "refusal": account.refusal.name if account.refusal else "",
    }


def _sum(accounts: Iterator[Account | None]) -> Account | None:
    whole: Account | None = None
    for account in accounts:
        if whole is None:
            whole = account
        elif account is not None:
            whole = Account(
                whole.records + account.records,
                whole.authzids | account.authzids,
                whole.refusal or account.refusal,
            )
    return whole


def _close(connection: Connection) -> None:
    with suppress(Exception):  # it is given up in any case
        connection.close()


_stores: WeakSet[SqlStore] = WeakSet()


def _forget_connections() -> None:
    for store in list(_stores):
        # Neither used nor closed: they are the parent's, whose locks a close would drop.
        _inherited.append(store._idle)
        store._idle = []


_inherited: list[list[Connection]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)
