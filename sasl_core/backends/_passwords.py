"""Set a password: one for all the records of an account."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .. import records
from ._account import Account, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._account import AsyncStore, Store

_SCHEMES = ("SCRAM-SHA-256",)
_TRIES = 100  # against others who change the same account at the same time


def set_password(
    store: Store,
    username: str,
    password: str,
    schemes: Iterable[str] = _SCHEMES,
    *,
    iterations: int | Mapping[str, int] | None = None,
    realm: str | None = None,
) -> None:
    """Derive records of a new password, and store them in place of all old ones.

    `schemes`, `iterations` and `realm` as in `records.derive`: SCRAM-SHA-256 serves PLAIN
    and LOGIN, too; CRAM-MD5, DIGEST-MD5, NTLM, OTP and SRP each need their own record.
    An account that does not exist is made; what else is stored of it stays, and so do
    public keys, which are of no password. Slow, as `records.derive` is; raise ValueError
    as it does, and Unavailable.
    """
    made = _derive(username, password, schemes, iterations, realm)
    for _ in range(_TRIES):
        old = store.find(username)
        if store.replace(username, old, _with(old, made)):
            return
    raise Unavailable("the account is changed all the time by somebody else")


async def set_password_async(
    store: AsyncStore,
    username: str,
    password: str,
    schemes: Iterable[str] = _SCHEMES,
    *,
    iterations: int | Mapping[str, int] | None = None,
    realm: str | None = None,
) -> None:
    """Set a password as `set_password`, deriving in a thread."""
    made = await asyncio.to_thread(
        _derive, username, password, schemes, iterations, realm
    )
    for _ in range(_TRIES):
        old = await store.find(username)
        if await store.replace(username, old, _with(old, made)):
            return
    raise Unavailable("the account is changed all the time by somebody else")


def _with(old: Account | None, made: tuple[records.Record, ...]) -> Account:
    if old is None:
        return Account(made)
    kept = (one for one in old.records if isinstance(one, records.PublicKey))
    return old.replace(records=(*made, *kept))


def _derive(
    username: str,
    password: str,
    schemes: Iterable[str],
    iterations: int | Mapping[str, int] | None,
    realm: str | None,
) -> tuple[records.Record, ...]:
    if iterations is None:
        iterations = records.ITERATIONS
    return records.derive(
        password, schemes, iterations=iterations, username=username, realm=realm
    )
