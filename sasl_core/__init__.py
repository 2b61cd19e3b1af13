"""SASL for mail software: both sides of every mechanism, without a socket in sight.

`client()` begins an exchange by what a user has (`Credentials`), `server()` one that asks
an application; `offer()` says what to advertise. Each looks at the facts of the
connection (`Channel`), and at what is accepted (`Policy`).

    client.start() -> octets or None        server.start(octets or None) -> event
    client.step(challenge) -> octets        server.step(response) -> event
    client.finish(), or refused(...)        event: Challenge, a Request, Success, Failure

What is due is base64, or as the protocol's `profiles` have it. A request's `answer` gives
the next event. In packages of their own:

    adapters    of libraries (smtplib, aiosmtpd, ...), of sockets and asyncio streams
    protocols   SMTP, IMAP, POP3, LDAP, XMPP, ...: sessions of both sides
    backends    accounts in files and databases; who answers all requests from them
    records     what is stored of a password
    mechanisms  the registry, and the words to write one in
"""

from ._channel import Channel, ChannelBinding
from ._choosing import client, offer, server
from ._client import Client
from ._errors import (
    AuthenticationError,
    CredentialsError,
    NoMechanism,
    ProtocolError,
    SASLError,
    ServerNotAuthenticated,
    StateError,
)
from ._events import (
    AcceptSecurityContext,
    Authorize,
    BeginRedirect,
    Challenge,
    CheckPasscode,
    CheckPassword,
    CheckToken,
    ConsumeOtp,
    Event,
    Failure,
    FindOtp,
    FindPassword,
    FindScramKeys,
    FinishRedirect,
    Request,
    Success,
)
from ._hashed_token import HashedToken
from ._policy import Policy
from ._profile import Profile
from ._reasons import Reason
from ._records import ScramClientKeys, ScramKeys
from ._requests import (
    Confirm,
    FindHashedTokens,
    FindPublicKey,
    SaveScramKeys,
    UseHashedToken,
    VerifySignature,
)
from ._server import Server
from ._values import Asserted, Credentials, Identity, PasscodePrompt, TokenError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import profiles
    from ._advertised import Advertised

__version__ = "0.1.0"

__all__ = [
    "AcceptSecurityContext",
    "Advertised",
    "Asserted",
    "AuthenticationError",
    "Authorize",
    "BeginRedirect",
    "Challenge",
    "Channel",
    "ChannelBinding",
    "CheckPasscode",
    "CheckPassword",
    "CheckToken",
    "Client",
    "Confirm",
    "ConsumeOtp",
    "Credentials",
    "CredentialsError",
    "Event",
    "Failure",
    "FindHashedTokens",
    "FindOtp",
    "FindPassword",
    "FindPublicKey",
    "FindScramKeys",
    "FinishRedirect",
    "HashedToken",
    "Identity",
    "NoMechanism",
    "PasscodePrompt",
    "Policy",
    "Profile",
    "ProtocolError",
    "Reason",
    "Request",
    "SASLError",
    "SaveScramKeys",
    "ScramClientKeys",
    "ScramKeys",
    "Server",
    "ServerNotAuthenticated",
    "StateError",
    "Success",
    "TokenError",
    "UseHashedToken",
    "VerifySignature",
    "client",
    "offer",
    "profiles",
    "server",
]


def __getattr__(name: str) -> object:
    """Import what many programs do not need when it is first used."""
    if name not in ("Advertised", "profiles"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "profiles":
        return import_module(".profiles", __name__)
    return import_module("._advertised", __name__).Advertised
