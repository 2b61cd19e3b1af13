"""Answers about tokens: CheckToken for bearer tokens, FindHashedTokens and UseHashedToken
for those of HT. None is throttled: a token is not guessed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..._events import CheckToken, Event
    from ..._requests import FindHashedTokens, UseHashedToken
    from . import Answers


async def check(answers: Answers, request: CheckToken) -> Event:
    """Answer whose token it is; he needs no account, but one may refuse him."""
    ask = partial(
        answers.parts.tokens.check,
        username=request.username,
        host=request.host,
        port=request.port,
    )
    found = await answers.call(ask, request.token)
    if isinstance(found, str):
        return await answers.welcome(request, found, found)
    return request.answer(found)


async def find(answers: Answers, request: FindHashedTokens) -> Event:
    """Answer with the tokens of a user who may log in."""
    account = await answers.accounts.find(request.username)
    # Asked in any case, so that it takes as long for nobody.
    find = partial(answers.parts.hashed_tokens.find, device=request.device or None)
    tokens = await answers.call(find, request.username)
    if account is None or account.refusal is not None:
        return request.deny()
    return request.answer(tokens)


async def use(answers: Answers, request: UseHashedToken) -> Event:
    """Answer whether the token could be used now."""
    used = await answers.call(
        answers.parts.hashed_tokens.use, request.username, request.token
    )
    return request.answer(used is True)
