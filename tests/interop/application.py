"""The application behind our server: it knows the accounts, and one master user."""

from __future__ import annotations

import functools

import sasl_core as sasl

from .peers.accounts import ALICE, KEY, MASTER, TOKENS, USERS

_PASSWORDS = dict([*USERS, MASTER])
REQUESTS = (
    sasl.CheckPassword,
    sasl.FindPassword,
    sasl.FindScramKeys,
    sasl.CheckToken,
    sasl.VerifySignature,
    sasl.Authorize,
)


def settle(request: sasl.Request) -> sasl.Event:
    """Answer a request of our server; return the next event."""
    match request:
        case sasl.CheckPassword(username, password):
            return request.answer(_PASSWORDS.get(username) == password)
        case sasl.FindPassword(username):
            return request.answer(_PASSWORDS.get(username))
        case sasl.FindScramKeys(username, hash_name):
            return request.answer(_keys(username, hash_name))
        case sasl.CheckToken(token):
            return request.answer(_owner(token))
        case sasl.VerifySignature(username, challenge, signature):
            signed = KEY.public.verify(challenge, signature)
            return request.answer(signed and username == ALICE.user)
        case sasl.Authorize(authcid):
            return request.answer(authcid == MASTER.user)
    return request.deny()


@functools.cache
def _keys(username: str, hash_name: str) -> sasl.ScramKeys | None:
    if username not in _PASSWORDS:
        return None
    return sasl.ScramKeys.derive(_PASSWORDS[username], hash_name, iterations=4096)


def _owner(token: str) -> str | sasl.TokenError:
    facts = TOKENS.get(token, {"active": False})
    if not facts["active"]:
        return sasl.TokenError("invalid_token")
    if facts["scope"] != "mail":
        return sasl.TokenError("insufficient_scope", scope="mail")
    return str(facts["username"])
