"""What the two sides hand in and get back: Credentials, Identity, TokenError."""

from __future__ import annotations

from ._hashed_token import HashedToken
from ._records import ScramClientKeys
from ._scram_math import NAMES
from ._strict import encoded
from ._value import Frozen, Value, refuse_pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any, Literal, NoReturn, TypeAlias

    # Asked with None first, and with the server's word once that token has expired.
    TokenSource: TypeAlias = Callable[["TokenError | None"], str | Awaitable[str]]
    # Asked in the middle of an exchange: what for, and a text that belongs to it.
    Prompt: TypeAlias = Callable[[str, str], str | None]
    # Signs the 32 octets that it is given, in the place of a hash; gives DER.
    Signer: TypeAlias = Callable[[bytes], bytes]
    # RFC 7748's X25519 with one's own secret key: of a u-coordinate, in 32 octets each.
    X25519: TypeAlias = Callable[[bytes], bytes]

_set = object.__setattr__
_PLAIN_FIELDS = frozenset(
    [
        *("username", "password", "token", "trace", "realm", "gss"),
        *("provider", "prompt", "signer", "x25519"),
    ]
)
_REMEMBERED = 8  # derived keys; a server that changes its salt each time gains nothing


class Credentials(Frozen):
    """Everything that the user has; the policy takes the strongest mechanism it can feed.

    `username`: the authentication identity (authcid).
    `password`: as it was typed.
    `authzid`: the identity to act as; "" for one's own.
    `token`: an OAuth bearer token; or a function, or coroutine function, that gives one:
        the adapters and protocol sessions call it with None, and once more, with the
        server's `TokenError`, where that says that the token has expired.
    `keys`: stored `ScramClientKeys`, in place of the password.
    `realm`: for the mechanisms that have one; None takes the server's only one.
    `trace`: what ANONYMOUS shows.
    `gss`: for Kerberos, `sasl_core.adapters.gssapi.initiator()`, or `.spnego`'s: a function
        that makes a security context for each exchange; or one such context.
    `hashed_token`: what HT proves.
    `signer`: a function that signs for ECDSA-NIST256P-CHALLENGE, with a key on the curve
        P-256, the octets themselves in the place of a hash
        (`sasl_core.adapters.cryptography.signer`).
    `x25519`: for ECDH-X25519-CHALLENGE, RFC 7748's function with one's own secret key.
    `provider`: SAML20's identity provider, or one's OpenID.
    `prompt`: called inside `step` with what a server asks of the user himself:
        `("redirect", url)`, to open in a browser, whose result is not looked at;
        `("passcode", "")` and `("pin", suggested)`, SECURID's next passcode and new PIN
        (None: nobody can tell).

    OTP takes its passphrase, and SECURID its passcode, as the password. Secrets never show
    in `repr`. SCRAM keys once derived are remembered, so a reconnecting client pays for
    PBKDF2 once. Raise TypeError for octets where text is due.
    """

    __slots__ = (
        "_derived",
        "authzid",
        "gss",
        "has",
        "hashed_token",
        "keys",
        "password",
        "prompt",
        "provider",
        "realm",
        "signer",
        "token",
        "trace",
        "username",
        "x25519",
    )
    __match_args__ = (
        "username",
        "password",
        "authzid",
        "token",
        "keys",
        "realm",
        "trace",
        "gss",
        "provider",
        "prompt",
        "hashed_token",
        "signer",
        "x25519",
    )
    _secret = frozenset(
        {"password", "token", "keys", "hashed_token", "signer", "x25519"}
    )

    username: str
    password: str | None
    authzid: str
    token: str | TokenSource | None
    keys: ScramClientKeys | None
    realm: str | None
    trace: str | None
    gss: Any
    provider: str
    prompt: Prompt | None
    hashed_token: HashedToken | None
    signer: Signer | None
    x25519: X25519 | None
    has: frozenset[str]
    _derived: dict[tuple[str, bytes, int, bool], ScramClientKeys]

    def __init__(
        self,
        username: str = "",
        password: str | None = None,
        *,
        authzid: str = "",
        token: str | TokenSource | None = None,
        keys: ScramClientKeys | None = None,
        realm: str | None = None,
        trace: str | None = None,
        gss: Any = None,
        provider: str = "",
        prompt: Prompt | None = None,
        hashed_token: HashedToken | None = None,
        signer: Signer | None = None,
        x25519: X25519 | None = None,
    ) -> None:
        fixed = None if callable(token) else token
        for text in (username, password, authzid, fixed, realm, trace, provider):
            if text is not None and not isinstance(text, str):
                raise TypeError(
                    f"credentials are given as str, not {type(text).__name__}"
                )
        if keys is not None and not isinstance(keys, ScramClientKeys):
            raise TypeError(
                f"a client's keys are ScramClientKeys, not {type(keys).__name__}"
            )
        if hashed_token is not None and not isinstance(hashed_token, HashedToken):
            raise TypeError(
                f"a hashed token is a HashedToken, not {type(hashed_token).__name__}"
            )
        _set(self, "username", username)
        _set(self, "password", password)
        _set(self, "authzid", authzid)
        _set(self, "token", token)
        _set(self, "keys", keys)
        _set(self, "realm", realm)
        _set(self, "trace", trace)
        _set(self, "gss", gss)
        _set(self, "provider", provider)
        _set(self, "prompt", prompt)
        _set(self, "hashed_token", hashed_token)
        _set(self, "signer", signer)
        _set(self, "x25519", x25519)
        _set(self, "has", self._inventory())
        _set(self, "_derived", {})

    def __reduce__(self) -> NoReturn:
        refuse_pickle(self)

    def scram_keys(
        self, hash_name: str, salt: bytes, iterations: int, *, prepare: bool = True
    ) -> ScramClientKeys:
        """Return the keys for what the server asks; the first time, derive them.

        `prepare=False` leaves out SASLprep. Raise ValueError if there is no password
        and the stored keys are for another hash, salt or iteration count.
        """
        asked = (hash_name, salt, iterations, prepare)
        found = self._derived.get(asked)
        if found is not None:
            return found
        keys = self.keys
        if keys is not None and asked[:3] == (
            keys.hash_name,
            keys.salt,
            keys.iterations,
        ):
            return keys
        if not self.password:
            raise ValueError(
                "the stored keys are for another hash, salt or iteration count"
            )
        found = ScramClientKeys.derive(
            self.password if prepare else encoded(self.password),
            hash_name,
            iterations=iterations,
            salt=salt,
        )
        while len(self._derived) >= _REMEMBERED:
            self._derived.pop(next(iter(self._derived)), None)
        self._derived[asked] = found
        return found

    def _inventory(self) -> frozenset[str]:
        """List what a mechanism can need: fields, "secret" for any, SCRAM, HT by name."""
        has = {field for field in _PLAIN_FIELDS if getattr(self, field)}
        if callable(self.gss):
            has.add("gss function")
        if self.password:
            has.update(NAMES.values())
        if self.keys is not None:
            has.add(NAMES[self.keys.hash_name])
        if self.hashed_token is not None:
            has |= self.hashed_token.mechanisms
        if not has.isdisjoint(("password", "token", "gss", "signer", "x25519")) or (
            self.keys is not None or self.hashed_token is not None
        ):
            has.add("secret")
        return frozenset(has)


class Identity(Value):
    """Who logged in: `authcid` proved itself, `authzid` is who to act as.

    Neither is empty (but PostgreSQL's clients name the user elsewhere, and send none).
    `trace` is what an anonymous client said of itself: unproven text.
    """

    __slots__ = __match_args__ = ("authcid", "authzid", "trace")

    def __init__(self, authcid: str, authzid: str = "", trace: str = "") -> None:
        self.authcid = authcid
        self.authzid = authzid or authcid
        self.trace = trace


class TokenError(Value):
    """Why a bearer token was refused (RFC 7628, section 3.2.2).

    On a server the answer to `CheckToken`; on a client what the server said: untrusted
    text. `status`: RFC 6750's word, "invalid_token", "insufficient_scope"; `scope`: those
    that are wanted, with spaces between; `openid_configuration`: the URL that tells where
    to get a token.
    """

    __slots__ = __match_args__ = ("status", "scope", "openid_configuration")

    def __init__(
        self,
        status: str = "invalid_token",
        scope: str | None = None,
        openid_configuration: str | None = None,
    ) -> None:
        self.status = status
        self.scope = scope
        self.openid_configuration = openid_configuration


class PasscodePrompt(Value):
    """What SECURID's client is to give next: an answer to `CheckPasscode`.

    `what`: "passcode", the next that the token shows, or "pin", a new PIN, for which
    `suggested` is a proposal. Raise ValueError for another.
    """

    __slots__ = __match_args__ = ("what", "suggested")

    def __init__(
        self, what: Literal["passcode", "pin"] = "passcode", suggested: str = ""
    ) -> None:
        if what not in ("passcode", "pin"):
            raise ValueError('SECURID asks for a "passcode" or a "pin"')
        if len(encoded(suggested)) > 32 or "\0" in suggested:
            raise ValueError("a PIN has 32 octets at most (RFC 2808, section 3)")
        self.what = what
        self.suggested = suggested


class Asserted(Value):
    """Who came back from an identity provider: an answer to `FinishRedirect`.

    `identity`: who it is here, not empty. `attributes`: what OPENID20's client is told of
    it: names and values of OpenID's simple registration, such as "email" (None: nothing
    is sent). Raise ValueError for a name that is not of letters, and for what has no
    UTF-8, which an assertion in JSON may hold.
    """

    __slots__ = __match_args__ = ("identity", "attributes")

    def __init__(
        self, identity: str, attributes: Mapping[str, str] | None = None
    ) -> None:
        pairs = None if attributes is None else tuple(attributes.items())
        for name, _ in pairs or ():
            if not name.isascii() or not name.isalpha():
                raise ValueError("an attribute's name is of ASCII letters")
        if not identity:
            raise ValueError("an empty identity is nobody's")
        for text in (identity, *(value for _, value in pairs or ())):
            encoded(text)  # raises
        self.identity = identity
        self.attributes = pairs
