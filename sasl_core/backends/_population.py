"""Population: what the accounts of a store look like, so that unknown users look the
same (RFC 5802, section 9; DESIGN rule 8 of this library).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._records import ScramKeys, Secret
from .._scram_math import NAMES
from .._value import Frozen
from ..records import Plaintext, PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..records import Record
    from ._account import Account

_set = object.__setattr__
_SHAPES = 1024  # of them one is drawn for each unknown user
_READ = 100_000  # accounts; more would not change what is drawn
_DEFAULT = (4096, 16)  # as Policy's
_PASSWORD_MECHANISMS = frozenset({"PLAIN", "LOGIN"})


class Population(Frozen):
    """The forms, sizes and costs of a store's records, without the records.

    `shapes`: decoys of accounts, as many of each kind as there are accounts of it, in
    proportion. For `Policy(decoy=...)`, and for `Application`: what is shown of unknown
    users, and the work done for them, is then drawn from it. Read it again (at a restart)
    when most accounts have changed.
    """

    __slots__ = ("_scram", "mechanisms", "shapes")
    __match_args__ = ("shapes",)

    shapes: tuple[tuple[Record, ...], ...]
    mechanisms: frozenset[str]
    _scram: dict[str, tuple[tuple[int, int], ...]]

    def __init__(self, shapes: Iterable[tuple[Record, ...]]) -> None:
        shapes = tuple(shapes)
        scram: dict[str, list[tuple[int, int]]] = {}
        for records in shapes:
            for record in records:
                if isinstance(record, ScramKeys):
                    terms = record.iterations, len(record.salt)
                    scram.setdefault(record.hash_name, []).append(terms)
        _set(self, "shapes", shapes)
        _set(self, "_scram", {name: tuple(all_) for name, all_ in scram.items()})
        # Who has a public key only, can use no password: that is nothing to others.
        able = [names for records in shapes if (names := mechanisms_of(records))]
        able = able or [mechanisms_of(_NOBODY)]
        _set(self, "mechanisms", frozenset.intersection(*able))

    @classmethod
    def of(cls, accounts: Iterable[tuple[str, Account]]) -> Population:
        """Read it off `Store.accounts()`, of which the first 100,000 are looked at."""
        found = []
        for number, (_, account) in enumerate(accounts):
            if number == _READ:
                break
            if account.records:
                found.append(account.records)
        # Sorted by kind and taken at even distances, a few stand for all.
        found.sort(key=_kind)
        step = max(len(found) / _SHAPES, 1.0)
        chosen = (found[int(at * step)] for at in range(int(len(found) / step)))
        return cls(tuple(record.decoy() for record in records) for records in chosen)

    def scram(self, hash_name: str, draw: int) -> tuple[int, int]:
        """Return iterations and salt length for an unknown user; for `Policy`."""
        terms = self._scram.get(hash_name)
        return terms[draw % len(terms)] if terms else _DEFAULT

    def records(self, draw: int) -> tuple[Record, ...]:
        """Return the records of an unknown user: no password fits them, and to find that
        out costs what it costs for a known one.
        """
        return self.shapes[draw % len(self.shapes)] if self.shapes else _NOBODY


def mechanisms_of(records: Iterable[Record]) -> frozenset[str]:
    """Return the names of the mechanisms that an account with these records can use, by
    its password.
    """
    names: set[str] = set()
    for record in records:
        if isinstance(record, PublicKey):
            continue
        names |= _PASSWORD_MECHANISMS
        if isinstance(record, ScramKeys):
            names |= _with_plus(record.scheme)
        elif isinstance(record, Plaintext):
            names.add("CRAM-MD5")
            for name in NAMES.values():
                names |= _with_plus(name)
        elif isinstance(record, Secret):
            names |= record.mechanisms
    return frozenset(names)


def _with_plus(name: str) -> set[str]:
    return {name, f"{name}-PLUS"}


def _kind(records: tuple[Record, ...]) -> list[tuple[str, int, int]]:
    return [
        (record.scheme, record.iterations, len(record.salt))
        if isinstance(record, ScramKeys)
        else (record.scheme, len(record.format()), 0)
        for record in records
    ]


# Where there is no account yet: the keys that an empty store's policy shows, too.
_NOBODY: tuple[Record, ...] = (
    ScramKeys("sha256", bytes(_DEFAULT[1]), _DEFAULT[0], bytes(32), bytes(32)).decoy(),
)
