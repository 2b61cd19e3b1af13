"""OTP's state in a store: found, and replaced by comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..otp import OtpState
from ._account import Unavailable, can_be_a_name

if TYPE_CHECKING:
    from .._events import ConsumeOtp, Event, FindOtp
    from ._answers import Answers

_ATTEMPTS = 10  # at an account that others change all the time


async def find(answers: Answers, request: FindOtp) -> Event:
    """Answer with the account's state; for nobody with one that looks like others'."""
    username = request.username
    account, records = await answers._look_up(request, username, proof=True)
    for record in records:
        if isinstance(record, OtpState):
            if account is None:
                record = record.drawn(request._exchange.policy.draw(username))  # noqa: PLW2901
            return request.answer(record)
    return request.deny()


async def consume(answers: Answers, request: ConsumeOtp) -> Event:
    """Replace the state, if it is still the old one; raise Unavailable.

    Something else of the account may change meanwhile: then look again.
    """
    store, username = answers._store, request.username
    for _ in range(_ATTEMPTS if can_be_a_name(username) else 0):
        account = await answers._call(store.find, username)
        if account is None or request.old not in account.records:
            return request.deny()
        records = [
            request.new if record == request.old else record
            for record in account.records
        ]
        changed = account.replace(records=records)
        if await answers._call(store.replace, username, account, changed):
            return request.answer(True)
    raise Unavailable("an account changes too often")
