"""Ways to have a bearer token verified: by introspection (RFC 7662), or as a JWT by a
package that is passed in.
"""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from contextlib import suppress
from threading import Event, Timer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

from ._account import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    Claims: TypeAlias = Mapping[str, Any]
    # url, headers, body, seconds -> status, body; whatever it raises is "cannot tell"
    Http: TypeAlias = Callable[
        [str, Mapping[str, str], bytes, float], tuple[int, bytes]
    ]

_MAX_ANSWER = 1 << 20
# What the packages raise where our own key is no good: every token would be refused.
# Not joserfc's InvalidKeyTypeError: a token can name the wrong key of a good set.
_OUR_KEY = frozenset({"InvalidKeyError", "MissingCryptographyError", "MissingKeyError"})
TYPES = ("at+jwt", "JWT", "")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Introspection:
    """Ask the authorization server about a token (RFC 7662).

    `url` is https, or http on loopback. We authenticate by `client_id` and
    `client_secret` (Basic, RFC 6749, section 2.3.1) or by a `bearer` token. `http` sends
    the request (None: `post`); `timeout`: seconds for the whole answer.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        bearer: str | None = None,
        http: Http | None = None,
        timeout: float = 10.0,
    ) -> None:
        if not _is_endpoint(url):
            raise ValueError("introspection is at an https URL without a user in it")
        if bearer is not None and client_id is not None:
            raise ValueError("we authenticate by a client's secret or by a token")
        self._url = url
        self._http = http or post
        self._timeout = timeout
        self._headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        if bearer is not None:
            self._headers["Authorization"] = f"Bearer {bearer}"
        elif client_id is not None:
            pair = f"{quote_plus(client_id)}:{quote_plus(client_secret or '')}"
            self._headers["Authorization"] = (
                f"Basic {b64encode(pair.encode()).decode()}"
            )

    def __call__(self, token: str) -> Claims | None:
        """Return the claims of a token, None if it is not active; raise Unavailable."""
        form = {"token": token, "token_type_hint": "access_token"}
        try:
            status, body = self._http(
                self._url, self._headers, urlencode(form).encode(), self._timeout
            )
        except Exception as error:
            problem = type(error).__name__
        else:
            problem = "" if status == 200 else f"status {status}"
        if problem:
            raise Unavailable(f"the introspection endpoint cannot tell: {problem}")
        claims = _object(body)
        if claims is None or type(claims.get("active")) is not bool:
            raise Unavailable("the introspection endpoint gave no answer of RFC 7662")
        return claims if claims["active"] else None


def post(
    url: str, headers: Mapping[str, str], body: bytes, timeout: float
) -> tuple[int, bytes]:
    """Send a POST by the standard library; return status and body, of 1 MiB at most.

    The certificate is verified; no redirect is followed, for a token goes where it was
    sent and nowhere else; proxies of the environment are not used. Raise OSError.
    """
    import ssl
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(url)
    address = parts.hostname or "", parts.port
    if parts.scheme == "https":
        # Said in so many words: the process may have switched off what is the default.
        context = ssl.create_default_context()
        secure = HTTPSConnection(*address, timeout=timeout, context=context)
        connection: HTTPConnection = secure
    else:
        connection = HTTPConnection(*address, timeout=timeout)
    late = Event()
    opened: list[socket.socket] = []  # the connection forgets it before the answer ends

    def hang_up() -> None:
        late.set()
        for sock in opened:
            with suppress(OSError):
                # Not the TLS socket's own, which another thread is reading from.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    # For everything: who sends an octet a second does not hold us for ever.
    timer = Timer(timeout, hang_up)
    timer.daemon = True
    timer.start()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    failed = ""
    try:
        connection.connect()
        opened.append(connection.sock)
        if late.is_set():  # it hung up before there was anything to hang up on
            raise OSError("too slow")
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        chunks, size = [], 0
        while chunk := answer.read1(65536):
            chunks.append(chunk)
            size += len(chunk)
            if size > _MAX_ANSWER:
                raise OSError("an answer too long")
        if not late.is_set():
            return answer.status, b"".join(chunks)
        failed = "too slow"
    except HTTPException as error:
        failed = type(error).__name__
    finally:
        timer.cancel()
        connection.close()
    raise OSError(f"not an answer of HTTP: {failed}")


def _is_endpoint(url: str) -> bool:
    # urlsplit() drops line ends; a sender of one's own would get them.
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    safe = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in _LOOPBACK
    )
    whole = parts.hostname and port != 0 and not parts.fragment
    return bool(safe and whole and parts.username is None)


def from_joserfc(
    jwt: Any, key: Any, algorithms: Sequence[str], *, types: Iterable[str] = TYPES
) -> Callable[[str], Claims | None]:
    """Return a verifier by `joserfc.jwt`: the module, a key or key set, the algorithms.

    `types`: as in `from_pyjwt`. Raise ValueError for an algorithm that the package does
    not know, for "none", and for no algorithm or key at all.
    """

    def known(name: str) -> bool:
        return name in jwt.JWSRegistry.algorithms

    allowed, typed = _allowed(key, algorithms, known), _types(types)

    def verify(token: str) -> Claims | None:
        def decode() -> Any:
            found = jwt.decode(token, key, algorithms=allowed)
            return found.claims if _is_one(found.header, typed) else None

        return _claims(decode, "joserfc")

    return verify


def from_pyjwt(
    jwt: Any, key: Any, algorithms: Sequence[str], *, types: Iterable[str] = TYPES
) -> Callable[[str], Claims | None]:
    """Return a verifier by PyJWT: the module `jwt`, a key or PyJWKClient, the algorithms.

    `types`: what a token's `typ` may be, "" for one without it. That other kinds which the
    same issuer signs (logout tokens, proofs of possession) are no access tokens, shows
    there. RFC 9068 has `types=["at+jwt"]` only; many servers write JWT, or nothing. Raise
    ValueError as `from_joserfc`. What the claims say is checked by `Tokens`.
    """

    def known(name: str) -> bool:
        try:
            jwt.get_algorithm_by_name(name)
        except RuntimeError:  # of the kind that says "not implemented"
            return False
        return True

    allowed, typed = _allowed(key, algorithms, known), _types(types)
    options = {"verify_signature": True} | dict.fromkeys(
        ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False
    )

    def verify(token: str) -> Claims | None:
        def decode() -> Any:
            found = key
            if hasattr(key, "get_signing_key_from_jwt"):
                found = key.get_signing_key_from_jwt(token)
            claims = jwt.decode(token, found, algorithms=allowed, options=options)
            # Not unverified any more: the signature covers the header, too.
            header = jwt.get_unverified_header(token)
            return claims if _is_one(header, typed) else None

        return _claims(decode, "jwt")

    return verify


def _allowed(
    key: Any, algorithms: Sequence[str], known: Callable[[str], bool]
) -> list[str]:
    if key is None:
        raise ValueError("there is no key to verify a token by")
    names = [] if isinstance(algorithms, str) else list(algorithms)
    if not names or any(name.lower() == "none" for name in names):
        raise ValueError("the algorithms are a list of names, and none of them is none")
    for name in names:
        # Misspelt, it would refuse every token, and nobody would know why.
        if not known(name):
            raise ValueError(f"the package knows no algorithm {name!r}")
    return names


def _types(types: Iterable[str]) -> frozenset[str]:
    if isinstance(types, str):
        raise TypeError("types come as a list or tuple, not as one str")
    return frozenset(map(_type, types))


def _type(name: str) -> str:
    # A media type, without "application/" where that is clear (RFC 7515, 4.1.9).
    return name.lower().removeprefix("application/")


def _is_one(header: Mapping[str, Any], types: frozenset[str]) -> bool:
    typ = header.get("typ", "")
    return isinstance(typ, str) and _type(typ) in types


def _claims(decode: Callable[[], Any], package: str) -> Claims | None:
    """Return the claims; None where the package says that the token is not good."""
    try:
        claims = decode()
    except Exception as error:
        kind = type(error)
        # Told by where they are defined: the package is not imported here. A key set
        # that cannot be fetched says nothing about the token.
        unknown_key = "Unable to find a signing key" in str(error)  # PyJWKClient's
        mine = kind.__module__.partition(".")[0] == package or isinstance(
            error, ValueError | TypeError
        )
        problem = kind.__name__
        elsewhere = problem.startswith("PyJWK") and not unknown_key
        elsewhere = elsewhere or problem in _OUR_KEY
        refused = mine and not (elsewhere or isinstance(error, OSError))
    else:
        return claims if isinstance(claims, dict) else None
    if refused:
        return None
    raise Unavailable(f"the token cannot be verified now: {problem}")


def _object(body: bytes) -> dict[str, Any] | None:
    if len(body) > _MAX_ANSWER:
        return None
    try:
        value = json.loads(body, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Another reader of the same answer would take the other one.
        raise ValueError("a member comes twice (RFC 8259, section 4)")
    return found
