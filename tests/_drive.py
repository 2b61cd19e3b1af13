"""Scripted peers: feed raw messages to our server or client over any profile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import sasl_core as sasl

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Self

    from sasl_core.otp import OtpState

REDIRECT = "https://id.example.org/login?id=1ef888c"
PROFILES = (sasl.profiles.RAW, sasl.profiles.BASE64)
HASHES = {
    "SCRAM-SHA-1": "sha1",
    "SCRAM-SHA-224": "sha224",
    "SCRAM-SHA-256": "sha256",
    "SCRAM-SHA-384": "sha384",
    "SCRAM-SHA-512": "sha512",
    "SCRAM-SHA3-512": "sha3_512",
}


def hash_of(mechanism: str) -> str:
    """Return hashlib's name for the hash of a SCRAM mechanism."""
    return HASHES[mechanism.removesuffix("-PLUS")]


class Store:
    """What a server's application knows. It settles requests and notes each one."""

    def __init__(
        self,
        passwords: dict[str, str] | None = None,
        *,
        keys: dict[str, sasl.ScramKeys] | None = None,
        tokens: dict[str, str] | None = None,
        one_time: dict[str, OtpState] | None = None,
        providers: dict[str, str] | None = None,
        hashed_tokens: dict[str, tuple[sasl.HashedToken, ...]] | None = None,
        public_keys: dict[str, bytes] | None = None,
        verify: Callable[[str, bytes, bytes], bool] = lambda *_: False,
        token_error: sasl.TokenError | None = None,
        host: str | None = None,
        contexts: Callable[[sasl.Request], Any] = lambda _request: None,
        may_act: Callable[[str, str], bool] = lambda _authcid, _authzid: False,
    ) -> None:
        self.passwords = passwords or {}
        self.keys = keys or {}
        self.tokens = tokens or {}
        self.one_time = one_time or {}
        self.providers = providers or {}
        self.hashed_tokens = hashed_tokens or {}
        self.public_keys = public_keys or {}
        self.verify = verify
        self.token_error = token_error or sasl.TokenError()
        self.host = host
        self.contexts = contexts
        self.may_act = may_act
        self.asked: list[sasl.Request] = []

    def settle(self, event: Any) -> Any:
        """Answer requests until there is something to send, or the end."""
        while isinstance(event, sasl.Request):
            self.asked.append(event)
            event = event.answer(self._answer(event))
        return event

    def was_asked(self, *kinds: type[sasl.Request]) -> bool:
        """Tell whether a request of one of these kinds came."""
        return any(isinstance(request, kinds) for request in self.asked)

    def _answer(self, request: sasl.Request) -> Any:
        match request:
            case sasl.CheckPassword(username, password):
                return self.passwords.get(username) == password
            case sasl.FindPassword(username):
                return self.passwords.get(username)
            case sasl.FindScramKeys(username):
                return self.keys.get(username)
            case sasl.CheckToken(token, _, host):
                elsewhere = self.host and host and host != self.host
                owner = None if elsewhere else self.tokens.get(token)
                return owner or self.token_error
            case sasl.AcceptSecurityContext():
                return self.contexts(request)
            case sasl.FindOtp(username):
                return self.one_time.get(username)
            case sasl.ConsumeOtp(username, old, new):
                if self.one_time.get(username) != old:
                    return False
                self.one_time[username] = new
                return True
            case sasl.CheckPasscode(username, passcode):
                return self.passwords.get(username) == passcode
            case sasl.BeginRedirect(provider):
                return REDIRECT if provider in self.providers else None
            case sasl.FinishRedirect(provider):
                return sasl.Asserted(self.providers[provider])
            case sasl.FindHashedTokens(username):
                return self.hashed_tokens.get(username)
            case sasl.UseHashedToken(username, token):
                return token in self.hashed_tokens[username]
            case sasl.FindPublicKey(username):
                return self.public_keys.get(username)
            case sasl.VerifySignature(username, challenge, signature):
                return self.verify(username, challenge, signature)
            case sasl.Authorize(authcid, authzid):
                return self.may_act(authcid, authzid)
        raise TypeError(f"a request of an unknown kind: {request!r}")


class Serving:
    """Our server, fed with a client's raw messages.

    `initial` says that the first of them goes as the initial response. `event` is the
    last one, None before the first.
    """

    def __init__(
        self, server: sasl.Server, store: Store, *, initial: bool = True
    ) -> None:
        self.server = server
        self.store = store
        self.event: Any = None
        self._initial = initial

    def begin(self) -> None:
        """Start without an initial response."""
        self.event = self.server.start(None)

    def receive(self, message: bytes) -> None:
        """Take one message of the client."""
        self.receive_text(self.server.profile.encode(message))

    def receive_text(self, text: bytes) -> None:
        """Take one message in the profile's form."""
        if self.event is None and self._initial:
            event = self.server.start(self.server.profile.initial(text))
        else:
            if self.event is None:
                self.begin()
            event = self.server.step(text)
        self.event = self.store.settle(event)

    def close(self) -> None:
        """Give the empty answer to a last challenge that success could not carry."""
        if isinstance(self.event, sasl.Challenge):
            self.receive(b"")

    @property
    def said(self) -> bytes | None:
        """The raw octets that the server sent last; None for none."""
        if isinstance(self.event, (sasl.Challenge, sasl.Success)):
            data = self.event.data
            return None if data is None else self.server.profile.decode(data)
        return None

    @property
    def failed(self) -> bool:
        """Whether the server refused."""
        return isinstance(self.event, sasl.Failure)


class Calling:
    """Our client, fed with a server's raw messages. `sent` is all that it answered."""

    def __init__(self, client: sasl.Client) -> None:
        self.client = client
        self.sent: list[bytes] = []

    def begin(self) -> None:
        """Start; what goes as the initial response counts as sent."""
        text = self.client.start()
        if text is not None:
            self._note(text)

    def receive(self, challenge: bytes) -> None:
        """Take one message of the server."""
        self.receive_text(self.client.profile.encode(challenge))

    def receive_text(self, text: bytes) -> None:
        """Take one message in the profile's form."""
        self._note(self.client.step(text))

    def finish(self, data: bytes | None = None) -> None:
        """Take the protocol's success, with the mechanism's last data if there is any."""
        encode = self.client.profile.encode
        self.client.finish(None if data is None else encode(data))

    def _note(self, text: bytes) -> None:
        self.sent.append(self.client.profile.decode(text))


class HashCalls:
    """Count the calls into Python's hash functions, whoever makes them.

    The interpreter's profile hook sees every C function, so nothing is patched and the
    code under test may import its hashes in whatever way it likes.
    """

    def __init__(self) -> None:
        self.names: list[str] = []

    def __enter__(self) -> Self:
        self._previous = sys.getprofile()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._previous)

    def _note(self, _frame: FrameType, what: str, function: Any) -> None:
        if what == "c_call" and _hashes(function):
            self.names.append(function.__name__)


def _hashes(function: Any) -> bool:
    if function.__name__ == "compare_digest":
        return True
    owner = type(getattr(function, "__self__", None)).__module__
    homes = (str(owner), str(getattr(function, "__module__", "")))
    return any(home.startswith(("_hashlib", "_md5", "_sha")) for home in homes)
