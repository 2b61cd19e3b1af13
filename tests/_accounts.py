"""Accounts for every mechanism, and an application that knows them.

`TABLE` says what each registered mechanism needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from hashlib import sha256
from typing import Any

import sasl_core as sasl
from sasl_core import _srp_math, otp, profiles
from sasl_core._hashed_token import HT_NAMES
from sasl_core.mechanisms import find, registered

from . import _gss as gss
from ._x25519 import BASE, x25519

# SRP's powers are the same ones most of the time here, and dear.
vars(_srp_math)["pow"] = lru_cache(4096)(pow)
NAMES = tuple(mechanism.name for mechanism in registered())
USER = "user"
OTHER = "boss,of=all\N{LATIN SMALL LETTER E WITH ACUTE}"
PASSWORD = "pencil"
PASSPHRASE = PASSWORD * 10  # OTP takes no short ones
PIN = "4711"
PROVIDER = "https://openid.example/"
REDIRECT = "https://id.example.org/login?id=1ef888c"
TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
TRACE = "sirhc@example.org"
HOST = "mail.example.org"
PORT = 993
ITERATIONS = 16  # few: what PBKDF2 costs is no concern of these tests
SALT = b"sixteen octets.."
CLIENT_NONCE = b"fyko+d2lbbFgONRv9qkxdawL"
SERVER_NONCE = b"3rfcNHYJY1ZVvWVs7j"
BINDINGS = (
    sasl.ChannelBinding("tls-exporter", bytes(range(32))),
    sasl.ChannelBinding("tls-server-end-point", bytes(range(32, 64))),
    sasl.ChannelBinding("tls-unique", bytes(range(64, 76))),
)


@dataclass(frozen=True)
class Entry:
    """What one mechanism needs for an honest exchange."""

    right: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] | None = None  # None: no credential can be wrong
    # The server's octets decide, not the application: every one of them counts.
    sealed: bool = False
    # But its messages can be spelled in more than one way.
    spellings: bool = False
    # Whose account it is, the credential says itself: there is no other user to try.
    nobody: bool = True
    # The client has the last word: the server has none to send with its success.
    client_last: bool = False
    # The fact behind it was proven elsewhere, or nothing is proven.
    by_fact: bool = False
    client_nonce: bytes | None = None
    server_nonce: bytes | None = None


_PASSWORD = Entry(
    {"username": USER, "password": PASSWORD},
    {"username": USER, "password": "pencil "},
)
_TOKEN = Entry(
    {"username": USER, "token": TOKEN},
    {"username": USER, "token": TOKEN[:-2]},
)


def prompt(what: str, _text: str) -> str | None:
    """Answer what a client asks its user."""
    return {"passcode": PASSWORD, "pin": PIN}.get(what)


_REDIRECT = Entry(
    {"provider": PROVIDER, "prompt": prompt},
    {"provider": "https://elsewhere.example/", "prompt": prompt},
    nobody=False,
)
_SCRAM = Entry(
    _PASSWORD.right,
    _PASSWORD.wrong,
    sealed=True,
    client_nonce=CLIENT_NONCE,
    server_nonce=SERVER_NONCE,
)
_GSS = Entry(
    {"gss": gss.Maker(USER, PASSWORD)},
    {"gss": gss.Maker(USER, "pencil ")},
    sealed=True,
    nobody=False,
)


def hashed_token(password: str) -> sasl.HashedToken:
    """Make a token of HT: another for each password, so that all tests can change it."""
    return sasl.HashedToken(f"secret-token:fast-{password}")


_HT = Entry(
    {"username": USER, "hashed_token": hashed_token(PASSWORD)},
    {"username": USER, "hashed_token": hashed_token("pencil ")},
    sealed=True,
)


class Signer:
    """Signs, and verifies, with one key of no worth: a hash in the form of a signature."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def __call__(self, challenge: bytes) -> bytes:
        numbers = (
            sha256(part + self.key + challenge).digest()[:31] for part in (b"r", b"s")
        )
        return b"\x30\x44" + b"".join(b"\x02\x20\x01" + each for each in numbers)


SIGNER = Signer(b"right")


def secret_key(password: str) -> bytes:
    """Make a secret key of X25519: another for each password."""
    return sha256(password.encode()).digest()


TABLE = {
    "ANONYMOUS": Entry({"trace": TRACE}, by_fact=True),
    "CRAM-MD5": Entry(
        _PASSWORD.right,
        _PASSWORD.wrong,
        sealed=True,
        server_nonce=b"<1896.697170952@postoffice.reston.mci.net>",
    ),
    "DIGEST-MD5": Entry(
        _PASSWORD.right,
        _PASSWORD.wrong,
        sealed=True,
        spellings=True,
        client_nonce=b"OA6MHXh6VqTrRk",
        server_nonce=b"OA6MG9tEQGm2hh",
    ),
    "ECDH-X25519-CHALLENGE": Entry(
        {"username": USER, "x25519": partial(x25519, secret_key(PASSWORD))},
        {"username": USER, "x25519": partial(x25519, secret_key("pencil "))},
        sealed=True,
        spellings=True,  # of the name, which can stand there twice
        server_nonce=bytes(range(96)),
    ),
    "ECDSA-NIST256P-CHALLENGE": Entry(
        {"username": USER, "signer": SIGNER},
        {"username": USER, "signer": Signer(b"wrong")},
        server_nonce=bytes(range(32)),
    ),
    "EXTERNAL": Entry(by_fact=True),
    "GS2-KRB5": _GSS,
    "GS2-KRB5-PLUS": _GSS,
    "GSS-SPNEGO": _GSS,
    "GSSAPI": replace(_GSS, client_last=True),
    "LOGIN": _PASSWORD,
    "OPENID20": _REDIRECT,
    "OTP": Entry(
        {"username": USER, "password": PASSPHRASE},
        {"username": USER, "password": PASSPHRASE + "!"},
        sealed=True,
        spellings=True,
    ),
    "SAML20": _REDIRECT,
    "SRP": Entry(
        _PASSWORD.right,
        _PASSWORD.wrong,
        sealed=True,
        spellings=True,
        client_nonce=b"\x0b",  # short, for the same reason
        server_nonce=b"\x0d",
    ),
    "SECURID": Entry(
        {"username": USER, "password": PASSWORD, "prompt": prompt},
        {"username": USER, "password": "pencil1", "prompt": prompt},
    ),
    "NTLM": Entry(
        _PASSWORD.right,
        _PASSWORD.wrong,
        sealed=True,
        spellings=True,
        client_nonce=bytes(range(24)),
        server_nonce=bytes.fromhex("0123456789abcdef"),
    ),
    "OAUTHBEARER": _TOKEN,
    "PLAIN": _PASSWORD,
    "AMQPLAIN": _PASSWORD,
    "X-OAUTH2": _TOKEN,
    "XOAUTH2": _TOKEN,
} | {
    f"SCRAM-{hash_name}{suffix}": _SCRAM
    for hash_name in ("SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA3-512")
    for suffix in ("", "-PLUS")
}


def says_last(name: str) -> bool:
    """Tell whether a mechanism's last message is the server's, to go with its success."""
    return find(name).mutual and not TABLE[name].client_last


SECURITY_CONTEXTS = ("GS2-KRB5", "GS2-KRB5-PLUS", "GSS-SPNEGO", "GSSAPI")
TABLE |= dict.fromkeys(HT_NAMES, _HT)
SCRAMS = tuple(name for name in TABLE if name.startswith("SCRAM-"))


def channel(name: str, **facts: Any) -> sasl.Channel:
    """Make an encrypted channel with what this mechanism needs, and nothing more."""
    mechanism = find(name)
    facts = {
        "service": "imap",
        "host": HOST,
        "port": PORT,
        "bindings": BINDINGS if mechanism.plus else (),
        "external": USER if mechanism.external else None,
    } | facts
    return sasl.Channel(True, **facts)


def policy(name: str, **more: Any) -> sasl.Policy:
    """Make a policy that names this mechanism, obsolete or not."""
    settings = {
        "allow": [name],
        "iterations": (ITERATIONS, 1_000_000),
        "decoy": (ITERATIONS, len(SALT)),
        "x25519": x25519,
    } | more
    return sasl.Policy(**settings)


@cache
def keys(password: str, hash_name: str) -> sasl.ScramKeys:
    """Derive the keys of an account."""
    return sasl.ScramKeys.derive(password, hash_name, iterations=ITERATIONS, salt=SALT)


@cache
def one_time_state(password: str) -> otp.OtpState:
    """Compute what is stored of the account's one-time passwords."""
    return otp.OtpState.derive(password * 10, sequence=120, seed="ot12345678")


@dataclass
class Application:
    """A server's application with one account; it counts what it said yes to."""

    username: str = USER
    password: str = PASSWORD
    token: str = TOKEN
    may_act_as: tuple[str, ...] = (OTHER,)
    yes: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def settle(self, request: sasl.Request) -> sasl.Challenge | Any:
        """Answer a request."""
        self.asked.append(type(request).__name__)
        answer = self.answer_to(request)
        if answer is None or answer is False or isinstance(answer, _NO_YES):
            return request.answer(answer)
        self.yes.append(type(request).__name__)
        return request.answer(answer)

    def answer_to(self, request: sasl.Request) -> Any:
        """Say what is true of the account."""
        match request:
            case sasl.CheckPassword(username, password):
                return (username, password) == (self.username, self.password)
            case sasl.FindPassword(username):
                return self.password if username == self.username else None
            case sasl.FindScramKeys(username, hash_name):
                known = username == self.username
                return keys(self.password, hash_name) if known else None
            case sasl.FindHashedTokens(username):
                known = username == self.username
                return (hashed_token(self.password),) if known else None
            case sasl.UseHashedToken(username, token):
                return (username, token) == (self.username, hashed_token(self.password))
            case sasl.VerifySignature(username, challenge, signature):
                return (username, signature) == (self.username, SIGNER(challenge))
            case sasl.FindPublicKey(username):
                known = username == self.username
                return x25519(secret_key(self.password), BASE) if known else None
            case sasl.CheckToken(token, _, host, port):
                meant = host in (None, HOST) and port in (None, PORT)
                return self.username if meant and token == self.token else _TOKEN_ERROR
            case sasl.AcceptSecurityContext():
                return gss.acceptor(request, self.password)
            case sasl.FindOtp(username):
                known = username == self.username
                return one_time_state(self.password) if known else None
            case sasl.ConsumeOtp(username, old, new):
                stored = one_time_state(self.password)
                return username == self.username and old == stored != new
            case sasl.CheckPasscode(username, passcode, pin, asked):
                if (username, passcode) != (self.username, self.password):
                    return False
                prompts = {"": ("passcode", ""), "passcode": ("pin", PIN)}
                if asked in prompts:
                    return sasl.PasscodePrompt(*prompts[asked])
                return pin == PIN
            case sasl.BeginRedirect(provider):
                return REDIRECT if provider == PROVIDER else None
            case sasl.FinishRedirect(provider, url):
                came = (provider, url, self.username) == (PROVIDER, REDIRECT, USER)
                return sasl.Asserted(USER) if came else None
            case sasl.Authorize(authcid, authzid):
                return authcid == self.username and authzid in self.may_act_as
        raise AssertionError(f"no answer to {request!r}: add it here")


_NO_YES = (sasl.TokenError, sasl.PasscodePrompt)
_TOKEN_ERROR = sasl.TokenError("invalid_token", "mail", "https://id.example.org/.well")


def make_client(
    name: str,
    *,
    authzid: str = "",
    profile: sasl.Profile = profiles.BASE64,
    credentials: sasl.Credentials | None = None,
    on: sasl.Channel | None = None,
    **more: Any,
) -> sasl.Client:
    """Make the honest client of a mechanism."""
    entry = TABLE[name]
    if credentials is None:
        credentials = sasl.Credentials(**entry.right, authzid=authzid)
    return sasl.client(
        name,
        credentials,
        channel=on or channel(name),
        policy=policy(name, **more),
        profile=profile,
        nonce=entry.client_nonce,
    )


def make_server(
    name: str,
    *,
    profile: sasl.Profile = profiles.BASE64,
    on: sasl.Channel | None = None,
    username: str = USER,
    **more: Any,
) -> sasl.Server:
    """Make the server of a mechanism; `username` is for PostgreSQL's profile."""
    return sasl.server(
        name,
        channel=on or channel(name),
        policy=policy(name, **more),
        profile=profile,
        username=username,
        nonce=TABLE[name].server_nonce,
    )


def question(request: sasl.Request) -> tuple[Any, ...]:
    """Return what a request asks, to be compared: its kind, then its fields.

    Requests themselves are equal to nothing but themselves.
    """
    fields = (getattr(request, name) for name in request.__match_args__)
    return type(request), *fields
