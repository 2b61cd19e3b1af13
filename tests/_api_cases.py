"""What the tests of `attacks/api.json` share: a pair that agrees, and every request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core._hashed_token import HT_NAMES
from sasl_core.otp import OtpState

from . import _gss as gss
from ._accounts import SIGNER
from ._drive import Store, hash_of
from ._x25519 import BASE, x25519

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


USER, PASSWORD, TOKEN = "user-u", "secret-p", "token-t"
LONGER = PASSWORD + PASSWORD  # OTP takes no short ones
PROVIDER = "https://openid.example/"
HASHED_TOKEN = sasl.HashedToken("hashed-h")
BINDING = sasl.ChannelBinding("tls-exporter", b"the-octets-of-this-connection")
BINDINGS = (
    BINDING,
    *(
        sasl.ChannelBinding(each, BINDING.data)
        for each in ("tls-unique", "tls-server-end-point")
    ),
)
CHANNEL = sasl.Channel(
    encrypted=True,
    service="imap",
    host="mail.example.org",
    bindings=BINDINGS,
    external=USER,
)
NAMES = (
    "AMQPLAIN",
    "ANONYMOUS",
    "CRAM-MD5",
    "DIGEST-MD5",
    "ECDH-X25519-CHALLENGE",
    "ECDSA-NIST256P-CHALLENGE",
    "EXTERNAL",
    "GS2-KRB5",
    "GS2-KRB5-PLUS",
    "GSS-SPNEGO",
    "GSSAPI",
    *HT_NAMES,
    "LOGIN",
    "NTLM",
    "OAUTHBEARER",
    "OPENID20",
    "OTP",
    "PLAIN",
    "SAML20",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-224",
    "SCRAM-SHA-224-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-384",
    "SCRAM-SHA-384-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA3-512",
    "SCRAM-SHA3-512-PLUS",
    "SECURID",
    "SRP",
    "X-OAUTH2",
    "XOAUTH2",
)
SALT = b"salt" * 4
SECRET_KEY = b"a secret key of X25519, or thirt"


def credentials(name: str, user: str = USER) -> sasl.Credentials:
    """Return what a client has: a ticket only where it is for that."""
    ticket = gss.Maker(user, PASSWORD) if name.startswith("GS") else None
    return sasl.Credentials(
        user,
        LONGER if name == "OTP" else PASSWORD,
        token=TOKEN,
        trace="guest",
        gss=ticket,
        provider=PROVIDER,
        prompt=lambda _what, _text: None,
        hashed_token=HASHED_TOKEN,
        signer=SIGNER,
        x25519=partial(x25519, SECRET_KEY),
    )


def nonce(name: str) -> bytes:
    """Return a nonce that is no secret; ECDH's is three things."""
    return b"abcd" * (24 if name.startswith("ECDH-") else 8)


class Pair:
    """A client and a server of one mechanism that agree, and what the server knows."""

    def __init__(
        self,
        name: str,
        *,
        user: str = USER,
        profile: sasl.Profile = sasl.profiles.BASE64,
        nonce: bytes | None = None,
    ) -> None:
        self.client = sasl.client(
            name,
            credentials(name, user),
            channel=CHANNEL,
            policy=sasl.Policy(allow=[name]),
            profile=profile,
            nonce=nonce,
        )
        self.server = new_server(name, profile=profile, nonce=nonce)
        keys = {}
        if name.startswith("SCRAM"):
            keys[user] = sasl.ScramKeys.derive(PASSWORD, hash_of(name), salt=SALT)
        self.store = Store(
            {user: PASSWORD},
            keys=keys,
            tokens={TOKEN: user},
            contexts=lambda request: gss.acceptor(request, PASSWORD),
            one_time={user: OtpState.derive(LONGER, sequence=20)},
            providers={PROVIDER: user},
            hashed_tokens={user: (HASHED_TOKEN,)},
            verify=lambda name, challenge, signature: (
                (name, signature) == (user, SIGNER(challenge))
            ),
            public_keys={user: x25519(SECRET_KEY, BASE)},
        )
        self.sent: list[bytes] = []

    def run(self) -> Any:
        """Play the whole exchange; return the last event."""
        *_, last = self.events()
        return last

    def events(self) -> Iterator[Any]:
        """Play the exchange; yield each event before it is acted on."""
        event: Any = self.server.start(self.client.start())
        while True:
            yield event
            if isinstance(event, sasl.Request):
                event = self.store.settle(event)
            elif isinstance(event, sasl.Challenge):
                self.sent.append(self.client.step(event.data))
                event = self.server.step(self.sent[-1])
            else:
                break
        if isinstance(event, sasl.Success):
            self.client.finish(event.data)


def new_server(
    name: str,
    *,
    profile: sasl.Profile = sasl.profiles.BASE64,
    nonce: bytes | None = None,
) -> sasl.Server:
    """Make a server of one mechanism."""
    return sasl.server(
        name,
        channel=CHANNEL,
        policy=sasl.Policy(allow=[name], x25519=x25519),
        profile=profile,
        nonce=nonce,
    )


def asked(name: str, message: bytes) -> Any:
    """Return the request that a server raises for a raw first message."""
    server = new_server(name, profile=sasl.profiles.RAW)
    server.start()
    return server.step(message)


def used(name: str) -> Any:
    """Return the request that a server raises once it has found the token."""
    message = Pair(name, profile=sasl.profiles.RAW).client.start()
    return asked(name, message or b"").answer((HASHED_TOKEN,))


def verified(name: str) -> Any:
    """Return the request that a server raises for a signature."""
    server = new_server(name, profile=sasl.profiles.RAW)
    server.start(b"user")
    return server.step(SIGNER(bytes(32)))


REQUESTS: dict[type[sasl.Request], Callable[[], Any]] = {
    sasl.CheckPassword: lambda: asked("PLAIN", b"\0user\0secret-p"),
    sasl.FindPassword: lambda: asked("CRAM-MD5", b"user " + b"0" * 32),
    sasl.FindScramKeys: lambda: asked("SCRAM-SHA-256", b"n,,n=user,r=abc"),
    sasl.FindHashedTokens: lambda: asked("HT-SHA-256-NONE", b"user\0\0" + bytes(32)),
    sasl.UseHashedToken: lambda: used("HT-SHA-256-NONE"),
    sasl.VerifySignature: lambda: verified("ECDSA-NIST256P-CHALLENGE"),
    sasl.FindPublicKey: lambda: asked("ECDH-X25519-CHALLENGE", b"user"),
    sasl.CheckToken: lambda: asked("XOAUTH2", b"user=u\x01auth=Bearer token-t\x01\x01"),
    sasl.FindOtp: lambda: asked("OTP", b"\0user"),
    sasl.CheckPasscode: lambda: asked("SECURID", b"\0user\0secret-p\0"),
    sasl.BeginRedirect: lambda: asked("SAML20", b"n,,example.org"),
    sasl.Authorize: lambda: asked("PLAIN", b"boss\0user\0secret-p").answer(True),
}
