"""Tokens: whose a bearer token is, and whether it is good here (RFC 6750, RFC 7628).

Somebody else verifies it (the authorization server, or a JWT package); audience, scope,
time and identity are checked here, by what he says.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections import OrderedDict
from hashlib import blake2b
from hmac import compare_digest
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from .._values import TokenError
from ._account import Unavailable, can_be_a_name
from ._oauth_verify import Introspection, from_joserfc, from_pyjwt, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from ._oauth_verify import Claims

    Verify: TypeAlias = Callable[[str], Claims | None]
    Identity: TypeAlias = str | Iterable[str] | Callable[[Claims], str | None]

__all__ = [
    "AsyncTokens",
    "Introspection",
    "Tokens",
    "from_joserfc",
    "from_pyjwt",
    "post",
]

_NEVER = 1e15  # seconds since the epoch: no date that anybody means
_REFUSED_FOR = 5.0  # seconds that a refusal is remembered


class _Rules:
    """What both kinds share: the checks, and the cache."""

    def __init__(
        self,
        verify: Callable[[str], Any],
        *,
        audience: str | Iterable[str] | None,
        scope: str | Iterable[str] = (),
        issuer: str | None = None,
        identity: Identity = "sub",
        email_verified: bool = True,
        expiry_required: bool = True,
        hosts: Iterable[str] | None = None,
        openid_configuration: str | None = None,
        leeway: float = 30.0,
        cache: int = 1024,
        cache_for: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if cache < 0 or isinstance(hosts, str):
            raise ValueError("cache is at least 0, hosts are a list of names")
        if not (0 <= leeway < _NEVER and 0 <= cache_for < _NEVER):
            raise ValueError("leeway and cache_for are seconds, and not for ever")
        self._verify = verify
        # An audience is one string (RFC 7519, section 4.1.3): a space does not part it.
        audiences = [audience] if isinstance(audience, str) else audience
        self._audience = None if audiences is None else frozenset(audiences)
        self._scope = _words(scope)
        self._issuer = issuer
        if not (isinstance(identity, str) or callable(identity)):
            identity = tuple(identity)
        self._identity = identity
        self._email_verified = email_verified
        self._expiry_required = expiry_required
        self._hosts = None if hosts is None else frozenset(map(_host, hosts))
        self._configuration = openid_configuration
        self._leeway = leeway
        self._size = cache
        self._cache_for = cache_for
        self._clock = clock
        self._key = os.urandom(32)
        # Apart: however many bad tokens come, the good ones stay.
        self._cache: OrderedDict[bytes, tuple[float, Claims | None]] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, Claims | None]] = OrderedDict()
        self._lock = Lock()

    def _refusal(self, status: str = "invalid_token") -> TokenError:
        scope = " ".join(sorted(self._scope)) or None
        return TokenError(status, scope, self._configuration)

    def _name(self, token: str) -> bytes:
        # A keyed digest: who reads the memory of this process has no tokens from here.
        return blake2b(_octets(token), digest_size=32, key=self._key).digest()

    def _remembered(self, name: bytes) -> tuple[float, Claims | None] | None:
        with self._lock:
            table = self._cache if name in self._cache else self._refused
            found = table.get(name)
            if found is None or found[0] <= self._clock():
                table.pop(name, None)
                return None
            table.move_to_end(name)
            return found

    def _remember(self, name: bytes, claims: Claims | None) -> None:
        """Keep the claims, never the verdict: it depends on who asks, and for whom."""
        now = self._clock()
        keep = _REFUSED_FOR if claims is None else self._cache_for
        end = now + keep
        if claims is not None and _is_time(claims.get("exp")):
            end = min(end, claims["exp"] + self._leeway)
        table = self._refused if claims is None else self._cache
        with self._lock:
            table[name] = end, claims
            while len(table) > self._size:
                table.popitem(last=False)

    def _verdict(self, claims: Claims | None, host: str | None) -> str | TokenError:
        if claims is None or not (self._in_time(claims) and self._for_us(claims, host)):
            return self._refusal()
        if claims.get("active", True) is not True:  # RFC 7662, given as it came
            return self._refusal()
        if not self._scope <= _scopes(claims):
            return self._refusal("insufficient_scope")
        identity = self._who(claims)
        if not isinstance(identity, str) or not can_be_a_name(identity):
            return self._refusal()
        return identity

    def _in_time(self, claims: Claims) -> bool:
        now, leeway = self._clock(), self._leeway
        end = claims.get("exp")
        if end is None and self._expiry_required:
            return False
        if end is not None and not (_is_time(end) and now < end + leeway):
            return False
        return all(
            claims.get(name) is None
            or (_is_time(claims[name]) and claims[name] <= now + leeway)
            for name in ("nbf", "iat")
        )

    def _for_us(self, claims: Claims, host: str | None) -> bool:
        if self._issuer is not None and claims.get("iss") != self._issuer:
            return False
        if self._audience is not None:
            audience = claims.get("aud")
            names = [audience] if isinstance(audience, str) else audience
            if not isinstance(names, list):
                return False
            if self._audience.isdisjoint(n for n in names if isinstance(n, str)):
                return False
        return self._hosts is None or host is None or _host(host) in self._hosts

    def _who(self, claims: Claims) -> object:
        if callable(self._identity):
            return self._identity(MappingProxyType(dict(claims)))
        names = [self._identity] if isinstance(self._identity, str) else self._identity
        for name in names:
            if claims.get(name) is not None:
                # An address that nobody verified is anybody's.
                verified = claims.get("email_verified") is True
                if name == "email" and self._email_verified and not verified:
                    return None
                return claims[name]
        return None


class Tokens(_Rules):
    """Check bearer tokens for OAUTHBEARER and XOAUTH2; for `Application(tokens=...)`.

    `verify(token)` returns the claims, None for a token that is not good, and raises
    Unavailable: an `Introspection`, `from_joserfc`, `from_pyjwt`, or one's own.
    `audience`: of which one must be in `aud`; None, said in so many words, takes tokens
    that the same issuer made for other services. `scope`: all must be there. `identity`:
    the claim that names the user, several of which the first counts, or a function of
    the claims. `hosts`: who we are to clients that say whom they mean. `email_verified`:
    the claim `email` counts only where the issuer says so. `expiry_required`: a token
    without `exp` is not good. `leeway`: seconds by which clocks may differ.
    `openid_configuration`: the URL that clients are told to get a token by. Claims are
    kept for `cache_for` seconds, never beyond expiry, under a keyed hash of the token.
    """

    _verify: Verify

    def check(
        self,
        token: str,
        *,
        username: str = "",
        host: str | None = None,
        port: int | None = None,
    ) -> str | TokenError:
        """Return the proven identity, or why not: the answer to `CheckToken`.

        Raise Unavailable where it cannot be told now.
        """
        if not token:  # asks where to get one (RFC 7628, section 4.3)
            return self._refusal()
        try:
            return self._checked(token, host)
        except Unavailable as error:
            problem = str(error)
        except Exception as error:
            problem = _problem(error)
        # Raised again out here: the frames in which it came about hold the token.
        raise Unavailable(problem)

    def _checked(self, token: str, host: str | None) -> str | TokenError:
        name = self._name(token)
        found = self._remembered(name)
        if found is None:
            claims = _told(self._verify(token), token)
            if self._size:
                self._remember(name, claims)
        else:
            claims = found[1]
        return self._verdict(claims, host)


class AsyncTokens(_Rules):
    """The same for asyncio: a `verify` that is no coroutine function runs in a thread."""

    async def check(
        self,
        token: str,
        *,
        username: str = "",
        host: str | None = None,
        port: int | None = None,
    ) -> str | TokenError:
        """Return the proven identity, or why not, as `Tokens.check`."""
        if not token:
            return self._refusal()
        try:
            return await self._checked(token, host)
        except Unavailable as error:
            problem = str(error)
        except Exception as error:
            problem = _problem(error)
        raise Unavailable(problem)

    async def _checked(self, token: str, host: str | None) -> str | TokenError:
        name = self._name(token)
        found = self._remembered(name)
        if found is None:
            claims = _told(await self._verified(token), token)
            if self._size:
                self._remember(name, claims)
        else:
            claims = found[1]
        return self._verdict(claims, host)

    async def _verified(self, token: str) -> Claims | None:
        if inspect.iscoroutinefunction(self._verify):
            return cast("Claims | None", await self._verify(token))
        found = await asyncio.to_thread(self._verify, token)
        if inspect.isawaitable(found):
            found = await found
        return cast("Claims | None", found)


def _problem(error: Exception) -> str:
    # Its kind alone: its text may have the token in it.
    return f"the token cannot be checked: {type(error).__name__}"


def _told(claims: Claims | None, token: str) -> Claims | None:
    """Return a copy of the claims, to keep: without the token, which some servers echo."""
    if claims is None:
        return None
    octets = _octets(token)
    return {
        name: value
        for name, value in claims.items()
        if not (isinstance(value, str) and compare_digest(_octets(value), octets))
    }


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _words(value: str | Iterable[str]) -> frozenset[str]:
    return frozenset(value.split() if isinstance(value, str) else value)


def _scopes(claims: Claims) -> frozenset[str]:
    found: set[str] = set()
    for name in ("scope", "scp"):  # scp: Microsoft's
        value = claims.get(name)
        words = value.split(" ") if isinstance(value, str) else value
        if isinstance(words, list):
            found.update(word for word in words if isinstance(word, str))
    return frozenset(found)


def _is_time(value: object) -> bool:
    # Compared, not converted: 10**400 has no float, and NaN compares with nothing.
    return type(value) in (int, float) and abs(cast("float", value)) < _NEVER


def _host(name: str) -> str:
    return name.lower().removesuffix(".")
