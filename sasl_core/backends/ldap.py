"""LdapStore: accounts in a directory, through ldap3 (RFC 4511).

def connect():
    server = ldap3.Server(
        "ldaps://ldap.example.org",
        get_info=ldap3.NONE,  # or it refuses attributes that the schema lacks
        connect_timeout=5,
        tls=ldap3.Tls(validate=ssl.CERT_REQUIRED),  # which is not its default
    )
    return ldap3.Connection(
        server, "cn=mail,dc=example,dc=org", PASSWORD, auto_bind=True,
        client_strategy=ldap3.SAFE_SYNC, receive_timeout=5,
        auto_referrals=False, check_names=False,
    )

store = LdapStore(connect, "ou=people,dc=example,dc=org")
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from .. import records
from .._reasons import Reason
from .._records import ScramKeys
from ..records import Plaintext
from ._account import Account, Unavailable, can_be_a_name, must_be_a_name
from ._ldap_connections import SUCCESS, Connections, told
from ._ldap_refusals import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..records import Record, Verifiers
    from ._ldap_connections import Changes, Connection, Control, Entry, Session

__all__ = ["REFUSALS", "LdapStore"]

_PAGE = 500
_ASSERTION = "1.3.6.1.1.12"  # RFC 4528
_ALNUM = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
# Results (RFC 4511, appendix A): that somebody else was faster: noSuchAttribute,
# attributeOrValueExists, noSuchObject, assertionFailed; ...
_CHANGED = frozenset({16, 20, 32, 122})
# ... and that the schema or a policy refuses the values: undefinedAttributeType,
# constraintViolation, invalidAttributeSyntax, objectClassViolation.
_REFUSED = frozenset({17, 19, 21, 65})


class LdapStore:
    """Accounts in a directory, whose own tools make and delete them, and disable them:
    only their records are changed here. A `Store`, for many threads and processes.

    `connect` makes a bound `ldap3.Connection` whose strategy is SYNC or SAFE_SYNC; up to
    `idle` that are not in use are kept. Below `base`, `find` is the filter of one name,
    `accounts` that of all (None: `find` with `*` for the name). An entry none of whose
    `name_attributes` has just this name is passed over: to a directory, `ALICE` is
    `alice`; `exact=False` allows that. Two entries of one name are Unavailable.

    `password_attribute` has records as `{SCHEME}...` or, as RFC 4519 has it, a password
    as such. `scram_attribute` is another one for SCRAM keys, by RFC 5803; mind that the
    directory's own change of password leaves them. Values that `records.parse` cannot
    read are left alone; so is their order to the directory. `authzids_attribute` has one
    name a value, or `*`. `refusals`: rules by attribute, each asked about each value.
    `version_attribute` is one that every change of an entry changes, whose old value is
    asserted (RFC 4528): OpenLDAP's entryCSN, OpenDJ's etag. None is for servers without:
    the values themselves are then compared, but not that there are no others.
    `timeout`: seconds that the server may search. `verifiers` as in `records.parse`.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        base: str,
        *,
        find: str = "(uid={username})",
        accounts: str | None = None,
        scope: str = "SUBTREE",
        name_attributes: Sequence[str] = ("uid",),
        exact: bool = True,
        password_attribute: str = "userPassword",  # noqa: S107
        scram_attribute: str | None = None,
        authzids_attribute: str | None = None,
        version_attribute: str | None = "entryCSN",
        refusals: Mapping[str, Callable[[str], Reason | None]] = REFUSALS,
        verifiers: Verifiers | None = None,
        timeout: int = 10,
        idle: int = 8,
    ) -> None:
        if "{username}" not in find:
            raise ValueError("a filter of one name has {username} in it")
        if isinstance(name_attributes, str):
            raise TypeError("name attributes come as a list or tuple, not as one str")
        self._connections = Connections(connect, idle)
        self._base = base
        self._find = find
        self._every = find.replace("{username}", "*") if accounts is None else accounts
        self._names = tuple(name_attributes)
        self._exact = exact
        self._main = password_attribute
        self._scram = scram_attribute
        self._authzids = authzids_attribute
        self._version = version_attribute
        self._refusals = dict(refusals)
        self._verifiers = verifiers
        asked = (*self._names, self._scram, self._main, self._authzids)
        wanted = filter(None, (*asked, self._version, *self._refusals))
        self._options = {
            "search_scope": scope,
            "attributes": list(dict.fromkeys(wanted)),
            "time_limit": timeout,
        }

    def find(self, username: str) -> Account | None:
        """Return the account of just this name; raise Unavailable."""
        if not can_be_a_name(username):
            return None
        entry = self._connections.run(lambda session: self._entry(session, username))
        return None if entry is None else self._account(username, entry)

    def replace(self, username: str, old: Account | None, new: Account | None) -> bool:
        """Put the records of `new` in the place of those of `old`; see `Store.replace`.

        Raise ValueError to make or delete an account or to change more than its records,
        for a record that a directory cannot hold, and Unavailable.
        """
        must_be_a_name(username)
        if old is None or new is None:
            raise ValueError(
                "accounts are made and deleted by the directory's own tools"
            )
        if old.replace(records=()) != new.replace(records=()):
            raise ValueError(
                "only the records of an account are changed in a directory"
            )
        was, becomes = old, new
        return self._connections.run(
            lambda session: self._replace(session, username, was, becomes)
        )

    def accounts(self) -> Iterator[tuple[str, Account]]:
        """Yield every account, by each of its names; raise Unavailable."""
        # A connection of its own: a server keeps there how far it came.
        with self._connections.own() as session:
            cookie: bytes | None = None
            while cookie != b"":
                entries, cookie = session.search(
                    self._base,
                    self._every,
                    paged_size=_PAGE,
                    paged_cookie=cookie,
                    **self._options,
                )
                for entry in entries:
                    for username in dict.fromkeys(_texts(entry, *self._names)):
                        if can_be_a_name(username):
                            yield username, self._account(username, entry)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._connections.close()

    def _entry(self, session: Session, username: str) -> Entry | None:
        name = _escaped(username)
        found = self._find.replace("{username}", name)
        entries, _ = session.search(self._base, found, size_limit=2, **self._options)
        if len(entries) > 1:
            raise Unavailable("the directory has several entries of one name")
        if not entries:
            return None
        names = _texts(entries[0], *self._names)
        return entries[0] if username in names or not self._exact else None

    def _account(self, username: str, entry: Entry) -> Account:
        found = [
            record
            for attribute in filter(None, (self._scram, self._main))
            for value in entry.get(attribute)
            for record in self._parsed(attribute, value, username)
        ]
        said = (
            rule(value.decode(errors="replace"))
            for attribute, rule in self._refusals.items()
            for value in entry.get(attribute)
        )
        refusal = next(filter(None, said), None)
        return Account(found, filter(None, _texts(entry, self._authzids)), refusal)

    def _parsed(
        self, attribute: str, value: bytes, username: str
    ) -> tuple[Record, ...]:
        try:
            return records.parse(
                value.decode(),
                username=username,
                verifiers=self._verifiers,
                default="PLAIN" if attribute == self._main else None,
            )
        except ValueError:
            return ()

    def _replace(
        self, session: Session, username: str, old: Account, new: Account
    ) -> bool:
        entry = self._entry(session, username)
        if entry is None or not _same(self._account(username, entry), old):
            return False
        changes = self._changes(username, entry, new.records)
        if not changes:
            return True
        result = session.modify(entry.dn, changes, self._unchanged(entry))
        code = result["result"]
        if code in _REFUSED:
            raise ValueError(f"the directory refuses that record: {told(result)}")
        if code != SUCCESS and code not in _CHANGED:
            raise Unavailable(f"the directory makes no change: {told(result)}")
        return bool(code == SUCCESS)

    def _changes(
        self, username: str, entry: Entry, wanted: tuple[Record, ...]
    ) -> Changes:
        missing = list(wanted)
        deleted: dict[str, list[bytes]] = {}
        added: dict[str, list[bytes]] = {}
        for attribute in filter(None, (self._scram, self._main)):
            for value in entry.get(attribute):
                found = self._parsed(attribute, value, username)
                if not found:
                    continue
                stays = all(record in wanted for record in found)
                if stays:
                    missing = [record for record in missing if record not in found]
                if stays and self._version is None:
                    # To delete it first fails where somebody else has deleted it.
                    added.setdefault(attribute, []).append(value)
                if not stays or self._version is None:
                    deleted.setdefault(attribute, []).append(value)
        for record in missing:
            attribute, value = self._written(record, username)
            added.setdefault(attribute, []).append(value)
        changes: Changes = {}
        for operation, each in (("MODIFY_DELETE", deleted), ("MODIFY_ADD", added)):
            for attribute, values in each.items():
                changes.setdefault(attribute, []).append((operation, values))
        return changes

    def _written(self, record: Record, username: str) -> tuple[str, bytes]:
        for attribute, text in self._texts_of(record):
            value = text.encode()
            if self._parsed(attribute, value, username) == (record,):
                return attribute, value
        raise ValueError("a directory cannot hold that record")

    def _texts_of(self, record: Record) -> Iterator[tuple[str, str]]:
        if isinstance(record, ScramKeys):
            if self._scram is not None:
                yield self._scram, record.format()
            else:
                yield self._main, record.format("dovecot")
        elif isinstance(record, Plaintext):
            # As such, for slapd reads no other form of it, if it looks like no other.
            yield self._main, record.password
            yield self._main, "{CLEARTEXT}" + record.password
        else:
            text = record.format()
            if text.startswith("$"):
                kind = "{ARGON2}" if text.startswith("$argon2") else "{CRYPT}"
                text = kind + text
            # A directory takes what has no scheme for a password: to steal such a hash
            # would be to log in by it.
            if text.startswith("{"):
                yield self._main, text

    def _unchanged(self, entry: Entry) -> list[Control]:
        if self._version is None:
            return []
        values = entry.get(self._version)
        if not values:
            raise Unavailable(f"the directory does not show the {self._version}")
        # equalityMatch [3] of RFC 4511, section 4.5.1.7
        match = _ber(0x04, self._version.encode()) + _ber(0x04, values[0])
        return [(_ASSERTION, True, _ber(0xA3, match))]


def _escaped(username: str) -> str:
    # RFC 4515, section 3, asks for five octets; ldap3 also strips white space.
    return "".join(
        chr(octet) if octet in _ALNUM else f"\\{octet:02x}"
        for octet in username.encode()
    )


def _texts(entry: Entry, *attributes: str | None) -> list[str]:
    texts = []
    for attribute in attributes:
        for value in entry.get(attribute):
            with suppress(UnicodeDecodeError):  # nobody's name
                texts.append(value.decode())
    return texts


def _same(one: Account, other: Account) -> bool:
    # But for the order, which a directory need not keep.
    alike = one.replace(records=()) == other.replace(records=())
    return alike and set(one.records) == set(other.records)


def _ber(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
