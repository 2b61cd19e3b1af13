"""HT's tokens, and the keys of an upgrade: found, used up and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._requests import FindHashedTokens, SaveScramKeys, UseHashedToken
from ._account import Unavailable, can_be_a_name

if TYPE_CHECKING:
    from .._events import Event
    from ._answers import Answers

_ATTEMPTS = 10  # at an account that others change all the time


async def answer(
    answers: Answers, request: FindHashedTokens | UseHashedToken | SaveScramKeys
) -> Event:
    """Answer one of them. They are not throttled: a token is not guessed."""
    match request:
        case FindHashedTokens():
            return await _find(answers, request)
        case UseHashedToken():
            return await _use(answers, request)
    return await _save(answers, request)


async def _find(answers: Answers, request: FindHashedTokens) -> Event:
    """Answer with the tokens of a user who may log in."""
    username = request.username
    if answers._hashed_tokens is None or not can_be_a_name(username):
        return request.deny()
    account = await answers._call(answers._store.find, username)
    # Asked in any case, so that it takes as long for nobody.
    tokens = await answers._call(answers._hashed_tokens.find, username)
    if account is None or account.refusal is not None:
        return request.deny()
    return request.answer(tokens)


async def _use(answers: Answers, request: UseHashedToken) -> Event:
    """Answer whether the token could be used now."""
    if answers._hashed_tokens is None:
        return request.deny()
    used = await answers._call(
        answers._hashed_tokens.use, request.username, request.token
    )
    return request.answer(used is True)


async def _save(answers: Answers, request: SaveScramKeys) -> Event:
    """Store keys beside the account's others, in the place of those of the same hash.

    Raise Unavailable where the account changes all the time.
    """
    store, username, keys = answers._store, request.username, request.keys
    for _ in range(_ATTEMPTS if can_be_a_name(username) else 0):
        account = await answers._call(store.find, username)
        if account is None or account.refusal is not None:
            return request.deny()
        kept = [one for one in account.records if one.scheme != keys.scheme]
        changed = account.replace(records=[*kept, keys])
        if await answers._call(store.replace, username, account, changed):
            return request.answer(True)
    raise Unavailable("an account changes too often")
