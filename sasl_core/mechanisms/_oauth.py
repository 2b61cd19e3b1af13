"""What OAUTHBEARER and XOAUTH2 share: bearer tokens (RFC 6750) and the error challenge.

A token is sent once. A server that refuses it says why in a challenge of JSON, the
client answers with a dummy, and the exchange fails (RFC 7628, section 3.2.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from .._events import Failure, Success
from .._reasons import Reason
from .._states import Asking, ClientRecord, ServerRecord
from .._strict import Malformed, utf8
from .._values import Identity, TokenError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ServerMove, Terms
    from .._values import TokenSource

# RFC 6750 has b64token; opaque tokens with other visible characters are in use.
_VISIBLE = bytes(range(0x21, 0x7F))


def write_token(token: str | TokenSource | None) -> bytes:
    """Encode our own token; raise Malformed for one that could inject something."""
    if not isinstance(token, str):
        raise Malformed("the token is yet to be had from its source")
    octets = token.encode("ascii", "replace") if token.isascii() else b""
    if not octets or octets.translate(None, _VISIBLE):
        raise Malformed(
            "a bearer token has visible ASCII characters only (RFC 6750, section 2.1)"
        )
    return octets


def read_token(auth: bytes) -> str:
    """Take the token out of an HTTP Authorization value; the scheme is in any case."""
    scheme, _, token = auth.partition(b" ")
    if scheme.lower() != b"bearer":
        raise Malformed("the scheme is not Bearer (RFC 6750, section 2.1)")
    token = token.lstrip(b" ")
    if not token or token.translate(None, _VISIBLE):
        raise Malformed("a bearer token has visible ASCII characters only (RFC 6750)")
    return token.decode("ascii")


@dataclass(slots=True)
class AwaitVerdict(ClientRecord):
    """Wait for success, or the error challenge; `dismissal` answers that."""

    dismissal: bytes
    satisfied = True

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        """Take the error challenge."""
        return self.dismissal, _Refused(_read_error(challenge))


class _Refused(ClientRecord):
    """The server refused the token: a success after that is a lie."""

    __slots__ = ("token_error",)

    def __init__(self, token_error: TokenError) -> None:
        self.token_error: TokenError | None = token_error

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        raise Malformed(
            "a challenge after the error challenge (RFC 7628, section 3.2.3)"
        )


def _read_error(challenge: bytes) -> TokenError:
    import json

    text = utf8(challenge)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    status = said.get("status") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(status, str):
        raise Malformed(
            "an error challenge is a JSON object with a status (RFC 7628, 3.2.2)"
        )
    optional = (said.get(key) for key in ("scope", "openid-configuration"))
    scope, configuration = (
        value if isinstance(value, str) else None for value in optional
    )
    return TokenError(status, scope, configuration)


@dataclass(slots=True)
class AwaitToken(Asking):
    """Wait for the application's word on a token.

    `username` is who the client wants to be; `legacy` writes the error as Google does;
    `discovering` means that there was no token: no answer succeeds.
    """

    username: str
    legacy: bool = False
    discovering: bool = False

    def take(self, answer: str | TokenError, terms: Terms) -> ServerMove:
        """Take the answer to `CheckToken`."""
        if isinstance(answer, str) and not self.discovering:
            return Success(Identity(answer, self.username)), None
        error = answer if isinstance(answer, TokenError) else TokenError()
        return _write_error(error, self.legacy), _AWAIT_DISMISSAL


class _AwaitDismissal(ServerRecord):
    """Some clients answer the error challenge, some cancel, some hang up."""

    __slots__ = ()
    refused = "the token was refused"

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        return Failure(Reason.BAD_CREDENTIALS, self.refused), None


_AWAIT_DISMISSAL = _AwaitDismissal()


def _write_error(error: TokenError, legacy: bool) -> bytes:
    import json

    said = {"status": error.status}
    if legacy:
        said["status"] = "401" if error.status == "invalid_token" else error.status
        said["schemes"] = "bearer"
    if error.scope is not None:
        said["scope"] = error.scope
    if error.openid_configuration is not None:
        said["openid-configuration"] = error.openid_configuration
    return json.dumps(said, separators=(",", ":")).encode()
