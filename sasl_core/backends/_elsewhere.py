"""What decides outside the store, in small interfaces: each is a part of an `Application`.

All may be slow, and be called from any thread. They raise Unavailable where they cannot
tell now; whatever else they raise counts as that, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from .._events import AcceptSecurityContext
    from .._values import Asserted, PasscodePrompt
    from ..mechanisms._gss import SecurityContext

# point, challenge, signature -> whether the key of `records.EcdsaPublicKey.point` has
# signed, as VerifySignature says: `adapters.cryptography.verify`.
VerifySignatures: TypeAlias = Callable[[bytes, bytes, bytes], bool]
AsyncVerifySignatures: TypeAlias = Callable[[bytes, bytes, bytes], Awaitable[bool]]

# A fresh acceptor, None for nobody: `adapters.gssapi.acceptor`.
Acceptor: TypeAlias = "Callable[[AcceptSecurityContext], SecurityContext | None]"
AsyncAcceptor: TypeAlias = (
    "Callable[[AcceptSecurityContext], Awaitable[SecurityContext | None]]"
)


class CheckPasscodes(Protocol):
    """Ask the authentication server of SECURID's tokens."""

    def __call__(
        self, username: str, passcode: str, /, *, pin: str | None, asked: str
    ) -> bool | PasscodePrompt:
        """Tell whether it is the passcode, or what to ask for next; see CheckPasscode."""


class AsyncCheckPasscodes(Protocol):
    """The same for asyncio."""

    async def __call__(
        self, username: str, passcode: str, /, *, pin: str | None, asked: str
    ) -> bool | PasscodePrompt:
        """Tell as `CheckPasscodes`."""


class IdentityProvider(Protocol):
    """Send a browser to the provider of SAML20 or OPENID20, and hear who came back."""

    def begin(self, provider: str, /) -> str | None:
        """Return the URL to go to, with https; None for a provider that is not trusted.

        See BeginRedirect.
        """

    def finish(self, provider: str, url: str, /) -> Asserted | None:
        """Wait; return who came back, None for nobody. See FinishRedirect: what the
        provider asserts must have been verified.
        """


class AsyncIdentityProvider(Protocol):
    """The same for asyncio."""

    async def begin(self, provider: str, /) -> str | None:
        """Return the URL, as `IdentityProvider.begin`."""

    async def finish(self, provider: str, url: str, /) -> Asserted | None:
        """Return who came back, as `IdentityProvider.finish`."""
