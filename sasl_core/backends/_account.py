"""Account, what a store has of a user, and the small interface of every store.

A store finds, and replaces by comparison: whoever changes an account says which one he
saw, so that of two writers none overwrites what he has not read.
"""

from __future__ import annotations

from .._errors import SASLError
from .._reasons import Reason
from .._value import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from typing import Protocol

    from ..records import Record

    class Store(Protocol):
        """What `Application` asks of a store; each may be slow, and be called from any
        thread.
        """

        def find(self, username: str) -> Account | None:
            """Return the account of just this name, None for an unknown one.

            Raise Unavailable where it cannot be told now.
            """

        def replace(
            self, username: str, old: Account | None, new: Account | None
        ) -> bool:
            """Put `new` in the place of `old` (None: no account), in one atomic step.

            Return False, and change nothing, where something else than `old` is stored
            by now. Raise ValueError for a name or record that it cannot hold, and
            Unavailable.
            """

        def accounts(self) -> Iterator[tuple[str, Account]]:
            """Yield every account; raise Unavailable."""

    class AsyncStore(Protocol):
        """The same for asyncio."""

        async def find(self, username: str) -> Account | None:
            """Return the account, as `Store.find`."""

        async def replace(
            self, username: str, old: Account | None, new: Account | None
        ) -> bool:
            """Put `new` in the place of `old`, as `Store.replace`."""

        def accounts(self) -> AsyncIterator[tuple[str, Account]]:
            """Yield every account, as `Store.accounts`: an asynchronous generator."""


_set = object.__setattr__
MAX_NAME = 1024  # octets; SMTP's longest address has 254


class Unavailable(SASLError):
    """A backend cannot tell now; the text is for the log, and holds no secret."""

    __module__ = "sasl_core.backends"


class Account(Frozen):
    """What is stored of one user: records of one and the same password, and public keys.

    `records`: those of `sasl_core.records`; the first one that verifies passwords is used
    for that. `authzids`: whom else he may act as ("*": any account that there is).
    `refusal`: why he may not log in, however right his password is (None: he may).
    """

    __slots__ = __match_args__ = ("records", "authzids", "refusal")

    records: tuple[Record, ...]
    authzids: frozenset[str]
    refusal: Reason | None

    def __init__(
        self,
        records: Iterable[Record] = (),
        authzids: Iterable[str] = (),
        refusal: Reason | None = None,
    ) -> None:
        if isinstance(authzids, str):
            raise TypeError("authzids come as a list or set, not as one str")
        if refusal is not None and not isinstance(refusal, Reason):
            raise TypeError(f"a refusal is a Reason, not {type(refusal).__name__}")
        _set(self, "records", tuple(records))
        _set(self, "authzids", frozenset(authzids))
        _set(self, "refusal", refusal)


def must_be_a_name(username: str) -> None:
    """Raise ValueError for what `can_be_a_name` refuses."""
    if not can_be_a_name(username):
        raise ValueError(
            "not the name of an account: empty, too long, or with controls"
        )


def can_be_a_name(username: str) -> bool:
    """Tell whether a store may be asked for this name at all.

    One with control characters, a lone surrogate, or of more than 1024 octets is
    nobody's: it reaches no query, path or line.
    """
    if username.isascii():
        return 0 < len(username) <= MAX_NAME and username.isprintable()
    if len(username) > MAX_NAME:
        return False
    try:
        octets = username.encode()
    except UnicodeEncodeError:
        return False
    # Controls (C0, DEL, C1) and the separators of lines: everything else is data.
    return len(octets) <= MAX_NAME and not any(
        char < " " or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029"
        for char in username
    )
