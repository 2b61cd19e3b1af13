"""Answers about one-time passwords: FindOtp and ConsumeOtp, out of the store, and
CheckPasscode, from an authentication server.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...otp import OtpState
from .._account import can_be_a_name

if TYPE_CHECKING:
    from ..._events import CheckPasscode, ConsumeOtp, Event, FindOtp
    from .._account import Account
    from . import Answers


async def find(answers: Answers, request: FindOtp) -> Event:
    """Answer with the account's state; for nobody with one that looks like others'."""
    username = request.username
    account, records = await answers.accounts.look_up(request, username, proof=True)
    for record in records:
        if isinstance(record, OtpState):
            if account is None:
                record = record.drawn(request._exchange.policy.draw(username))  # noqa: PLW2901
            return request.answer(record)
    return request.deny()


async def consume(answers: Answers, request: ConsumeOtp) -> Event:
    """Replace the state, if it is still the old one; raise Unavailable."""

    def change(account: Account) -> Account | None:
        if request.old not in account.records:
            return None
        return account.replace(
            records=[
                request.new if record == request.old else record
                for record in account.records
            ]
        )

    return request.answer(await answers.accounts.change(request.username, change))


async def check_passcode(answers: Answers, request: CheckPasscode) -> Event:
    """Answer what the authentication server says. Its users need no account here, but one
    may refuse them, which only who has the passcode hears.
    """
    if not can_be_a_name(request.username):
        return request.deny()
    ask = partial(answers.parts.passcodes, pin=request.pin, asked=request.asked)
    said = await answers.ask(ask, request.username, request.passcode)
    if said is True:
        return await answers.welcome(request, request.username, True)
    return request.answer(said)
