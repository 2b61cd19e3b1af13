"""Upgrade: the records that a login which shows the password is used to make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import records

if TYPE_CHECKING:
    from ..records import Record
    from ._account import Account


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Which records every account should have, and which it should not.

    `schemes`: those to have, the first of which then verifies passwords; `iterations` and
    `realm` as `records.derive` takes them. A record with fewer, or of a fast hash, is
    weak, and goes (`records.weak`); `only`: so do all of other schemes, for a store that
    holds one. Public keys stay in any case: they are of no password.
    """

    schemes: tuple[str, ...] = ("SCRAM-SHA-256",)
    iterations: int | Mapping[str, int] = field(
        default_factory=lambda: dict(records.ITERATIONS)
    )
    only: bool = False
    realm: str | None = None

    def due(self, account: Account) -> bool:
        """Tell whether something is missing, or weak."""
        kept = self._kept(account)
        return len(kept) < len(account.records) or bool(self._missing(kept))

    def apply(self, username: str, account: Account, password: str) -> Account:
        """Return the account as it should be: slow, for keys are derived.

        Raise ValueError for a password of which a scheme can make nothing.
        """
        kept = self._kept(account)
        made = records.derive(
            password,
            self._missing(kept),
            iterations=self.iterations,
            username=username,
            realm=self.realm,
        )
        every = {record.scheme: record for record in (*kept, *made)}
        wanted = [every[scheme] for scheme in self.schemes]
        # Of what is not made of the password there may be several: public keys.
        others = [record for record in kept if record.scheme not in self.schemes]
        return account.replace(records=(*wanted, *others))

    def _kept(self, account: Account) -> list[Record]:
        return [
            record
            for record in account.records
            if isinstance(record, records.PublicKey)
            or (
                not records.weak(record, iterations=self.iterations)
                and (not self.only or record.scheme in self.schemes)
            )
        ]

    def _missing(self, kept: list[Record]) -> list[str]:
        has = {record.scheme for record in kept}
        return [scheme for scheme in self.schemes if scheme not in has]
