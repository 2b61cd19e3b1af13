"""Answers by the public keys that an account has: VerifySignature, FindPublicKey. They
are not throttled: a signature is not guessed, nor what X25519 gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records import EcdsaPublicKey, X25519PublicKey
from ...records._public_key import NOBODY
from .accounts import REFUSED

if TYPE_CHECKING:
    from ..._events import Event
    from ..._requests import FindPublicKey, VerifySignature
    from . import Answers


async def verify(answers: Answers, request: VerifySignature) -> Event:
    """Answer whether one of the account's keys has signed; each is tried."""
    account, records = await answers.accounts.look_up(request, request.username)
    keys = [record for record in records if isinstance(record, EcdsaPublicKey)]
    signed = False
    for key in keys or [NOBODY]:
        signed |= True is await answers.ask(
            answers.parts.signatures, key.point, request.challenge, request.signature
        )
    if account is None or not keys or not signed:
        return request.deny()
    if account.refusal is not None:
        return request.refuse(account.refusal, REFUSED)
    return request.answer(True)


async def find(answers: Answers, request: FindPublicKey) -> Event:
    """Answer with the account's first key of X25519."""
    account, records = await answers.accounts.look_up(
        request, request.username, proof=True
    )
    keys = [record.u for record in records if isinstance(record, X25519PublicKey)]
    return request.answer(keys[0] if account is not None and keys else None)
