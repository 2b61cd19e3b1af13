"""Authenticate an `imapclient.IMAPClient` (the package IMAPClient).

It stands in for `login`, `plain_login`, `oauth2_login` and `sasl_login`, by way of the
standard library's `imaplib.IMAP4` that is inside: `sasl_login` cannot send an initial
response, decodes leniently, and hides why the server refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._policy import DEFAULT
from ..profiles import IMAP
from . import imaplib as inside

if TYPE_CHECKING:
    import imaplib
    from typing import Protocol

    from .._channel import Channel
    from .._client import Client
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials

    class IMAPClient(Protocol):
        """What is used of imapclient.IMAPClient."""

        _imap: imaplib.IMAP4
        _cached_capabilities: tuple[bytes, ...] | None


__all__ = ["authenticate", "login"]


def authenticate(imap: IMAPClient, client: Client) -> None:
    """Run an exchange, begun by `sasl_core.client(..., profile=profiles.IMAP)`.

    Raise SASLError where it fails; IMAPClientAbortError or OSError when the connection
    does.
    """
    inside.authenticate(imap._imap, client)
    _renew(imap)


def login(
    imap: IMAPClient,
    credentials: Credentials,
    *,
    channel: Channel | None = None,
    policy: Policy = DEFAULT,
    profile: Profile = IMAP,
) -> str:
    """Authenticate by the best mechanism that the server offers; return its name.

    As `adapters.imaplib.login`; call `imap.starttls()` before, unless it was made with
    `ssl=True`. Then `imap.capabilities()` are those after the login. Raise
    NoMechanism, AuthenticationError or another SASLError; IMAPClientAbortError or
    OSError where the connection fails.
    """
    name = inside.login(
        imap._imap, credentials, channel=channel, policy=policy, profile=profile
    )
    _renew(imap)
    return name


def _renew(imap: IMAPClient) -> None:
    # What it has learnt before the login it would tell after it, too.
    words = imap._imap.capabilities
    imap._cached_capabilities = tuple(word.encode() for word in words)
