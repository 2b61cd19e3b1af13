"""Answers out of an account's records: CheckPassword, FindPassword, FindScramKeys; and
SaveScramKeys, for an upgrade (XEP-0480).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._records import ScramKeys, Secret
from ...records import (
    DigestMd5Secret,
    Plaintext,
    PublicKey,
    SrpVerifier,
    Unverifiable,
)
from .._account import Unavailable
from .accounts import REFUSED

if TYPE_CHECKING:
    from ..._events import CheckPassword, Event, FindPassword, FindScramKeys
    from ..._requests import SaveScramKeys
    from .._account import Account
    from . import Answers


async def check(answers: Answers, request: CheckPassword) -> Event:
    """Answer whether the first record that is of a password verifies it."""
    username, password = request.username, request.password
    account, records = await answers.accounts.look_up(request, username)
    records = tuple(one for one in records if not isinstance(one, PublicKey))
    if not records:
        return request.deny()
    problem, verified = "", False
    try:
        verified = await answers.call(records[0].verify, password)
    except Unverifiable as error:
        problem = str(error)
    if problem:
        raise Unavailable(problem)
    if account is None or verified is not True:
        return request.deny()
    # Only who knows the password is told what is wrong with the account.
    if account.refusal is not None:
        return request.refuse(account.refusal, REFUSED)
    answers.upgrades.begin(username, account, password)
    return request.answer(True)


async def find(answers: Answers, request: FindPassword) -> Event:
    """Answer with what the mechanism can work on: its own secret, or the password."""
    account, records = await answers.accounts.look_up(
        request, request.username, proof=True
    )
    # Its text has no realm, so one of another realm is the last choice, but is one.
    realm = request.realm or ""
    for record in sorted(
        records, key=lambda r: isinstance(r, DigestMd5Secret) and r.realm != realm
    ):
        if isinstance(record, Secret) and request.mechanism in record.mechanisms:
            # A decoy's, too: to work on from a precomputed secret takes longer. Not
            # SRP's, whose salt shows, and must be another for each unknown user.
            if account is None and isinstance(record, SrpVerifier):
                break
            return request.answer(record)
        if isinstance(record, Plaintext) and account is not None:
            return request.answer(record.password)
    return request.deny()


async def find_keys(answers: Answers, request: FindScramKeys) -> Event:
    """Answer with the keys of this hash, stored or derived."""
    account, records = await answers.accounts.look_up(
        request, request.username, proof=True
    )
    keys: ScramKeys | None = None
    for record in records:
        if isinstance(record, ScramKeys) and record.hash_name == request.hash_name:
            keys = record
            break
        if isinstance(record, Plaintext):
            keys = await answers.call(_derive, request, record)
    return request.answer(None if account is None else keys)


async def save_keys(answers: Answers, request: SaveScramKeys) -> Event:
    """Store keys beside the account's others, in the place of those of the same hash."""
    keys = request.keys

    def change(account: Account) -> Account | None:
        if account.refusal is not None:
            return None
        kept = [one for one in account.records if one.scheme != keys.scheme]
        return account.replace(records=[*kept, keys])

    return request.answer(await answers.accounts.change(request.username, change))


def _derive(request: FindScramKeys, record: Plaintext) -> ScramKeys | None:
    """Make keys of a stored password; their salt is the one that a decoy would have."""
    policy = request._exchange.policy
    salt, iterations = policy.decoy_terms(request.hash_name, request.username)
    try:
        return ScramKeys.derive(
            record.password, request.hash_name, iterations=iterations, salt=salt
        )
    except ValueError:
        return None  # SASLprep refuses it, so no client can send it either
