"""The answer to VerifySignature: by the public keys that the account has. It is not
throttled: a signature is not guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records import EcdsaPublicKey
from ...records._public_key import NOBODY
from .accounts import REFUSED

if TYPE_CHECKING:
    from ..._events import Event
    from ..._requests import VerifySignature
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
