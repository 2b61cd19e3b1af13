"""Answers about who has proved who he is: Authorize, whom he may act as, and Confirm,
whether he may log in at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._account import can_be_a_name

if TYPE_CHECKING:
    from ..._events import Authorize, Event
    from ..._requests import Confirm
    from . import Answers


async def authorize(answers: Answers, request: Authorize) -> Event:
    """Answer by the application's own function, or by the account's `authzids`."""
    return request.answer(await _may(answers, request.authcid, request.authzid))


async def _may(answers: Answers, authcid: str, authzid: str) -> bool:
    own = answers.parts.authorize
    if own is not None:
        return await answers.call(own, authcid, authzid) is True
    if not can_be_a_name(authzid):
        return False
    account = await answers.accounts.find(authcid)
    if account is None or account.refusal is not None:
        return False
    if authzid in account.authzids:
        return True
    return "*" in account.authzids and await answers.accounts.find(authzid) is not None


async def confirm(answers: Answers, request: Confirm) -> Event:
    """Answer whether an account speaks against him; he needs none."""
    return await answers.welcome(request, request.username, True)
