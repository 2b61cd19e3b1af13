"""The registry: what each mechanism is called, needs, gives, and how strong it is.

A mechanism's own module is imported when it is first used. Third parties `register`
theirs; choosing, offering and the README's table are all derived from here.
"""

from __future__ import annotations

import hashlib

from .._events import (
    AcceptSecurityContext,
    BeginRedirect,
    CheckPasscode,
    CheckPassword,
    CheckToken,
    ConsumeOtp,
    FindOtp,
    FindPassword,
    FindScramKeys,
    FinishRedirect,
)
from .._hashed_token import HT_NAMES
from .._requests import FindHashedTokens, UseHashedToken, VerifySignature
from .._scram_math import NAMES
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, folded
from .._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    from .._events import Request
    from .._states import ClientMove as ClientMove
    from .._states import ClientOpening as ClientOpening
    from .._states import ServerMove as ServerMove
    from .._states import ServerOpening as ServerOpening
    from .._states import Terms as Terms
    from .._values import Credentials

    # The last argument is the nonce: None to draw a fresh one.
    ClientFactory: TypeAlias = Callable[
        [Terms, Credentials, bytes | None], ClientOpening
    ]
    ServerFactory: TypeAlias = Callable[[Terms, bytes | None], ServerOpening]

# What a mechanism is written in; `Terms`, `ClientMove` and the like are for annotations.
__all__ = [
    "SATISFIED",
    "Asking",
    "ClientRecord",
    "Malformed",
    "Mechanism",
    "ServerRecord",
    "find",
    "is_name",
    "register",
    "registered",
]

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class Mechanism(Value):
    """One mechanism, as data.

    `client`, `server`: make a side's opening and first record from its terms.
    `strength`: the higher is chosen first.
    `needs`: what a client's `Credentials.has` must hold.
    `asks`: the requests that a server raises.
    `shows`: "password" or "token", where the server and whoever reads along see it.
    `client_first`: the client speaks first. `initial_response`: a server takes one.
    `plus`: needs a channel binding. `binding`: needs one of this type. `binds`: its
    server can demand one of this type, though the name has no -PLUS.
    `mutual`: the server proves itself too.
    `layer`: it can put a security layer on the connection.
    `hash_name`: hashlib's, where it uses one. `authzid`: it can carry one.
    `encrypted`: its messages serve whoever sees them, so it is run where they are hidden.
    `external`: it relies on an identity proven outside SASL.
    `obsolete`, `anonymous` (nobody is authenticated), `by_name` (of use only where it was
    planned for): either side runs it only if its policy names it.

    Raise ValueError for a name outside the grammar of RFC 4422, section 3.1. Longer ones
    than its 20 characters are registered, and taken.
    """

    __slots__ = (
        "anonymous",
        "asks",
        "authzid",
        "binding",
        "binds",
        "binds",
        "by_name",
        "client",
        "client_first",
        "encrypted",
        "external",
        "hash_name",
        "initial_response",
        "layer",
        "mutual",
        "name",
        "needs",
        "obsolete",
        "plus",
        "rare",
        "server",
        "shows",
        "specification",
        "strength",
    )
    __match_args__ = ("name", "strength", "specification")

    def __init__(
        self,
        name: str,
        client: ClientFactory,
        server: ServerFactory,
        *,
        strength: int,
        needs: Iterable[str] = (),
        asks: tuple[type[Request], ...] = (),
        shows: str = "",
        client_first: bool = True,
        initial_response: bool | None = None,
        plus: bool = False,
        binding: str = "",
        binds: str = "",
        mutual: bool = False,
        layer: bool = False,
        hash_name: str = "",
        specification: str = "",
        obsolete: bool = False,
        anonymous: bool = False,
        by_name: bool = False,
        external: bool = False,
        encrypted: bool = False,
        authzid: bool = True,
    ) -> None:
        if not name or not _LETTERS.issuperset(name):
            raise ValueError(
                "a mechanism is named in upper-case letters, digits, - and _"
                " (RFC 4422, section 3.1)"
            )
        self.name = name
        self.client = client  # a field, not a method: it is replaced when loaded
        self.server = server
        self.strength = strength
        self.needs = frozenset(needs)
        self.asks = asks
        self.shows = shows
        self.client_first = client_first
        self.initial_response = (
            client_first if initial_response is None else initial_response
        )
        self.plus = plus
        self.binding = binding
        self.binds = binds
        self.mutual = mutual
        self.layer = layer
        self.hash_name = hash_name
        self.specification = specification
        self.obsolete = obsolete
        self.anonymous = anonymous
        self.by_name = by_name
        self.rare = any(request.rare for request in asks)
        self.external = external
        self.encrypted = encrypted
        self.authzid = authzid

    @property
    def available(self) -> bool:
        """Whether this Python has the hash (a FIPS build lacks some)."""
        return not self.hash_name or _has(self.hash_name)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, object]) -> Mechanism:
        return self


_registry: dict[str, Mechanism] = {}
_hashes: dict[str, bool] = {}


def _has(hash_name: str) -> bool:
    found = _hashes.get(hash_name)
    if found is None:
        try:
            hashlib.new(hash_name)
            found = True
        except ValueError:
            found = False
        _hashes[hash_name] = found
    return found


def is_name(text: str) -> bool:
    """Tell whether this is a mechanism's name by RFC 4422, section 3.1."""
    return 0 < len(text) <= 20 and _LETTERS.issuperset(text)


def register(mechanism: Mechanism) -> None:
    """Add a mechanism, or replace the one of the same name."""
    _registry[mechanism.name] = mechanism


def find(name: str) -> Mechanism | None:
    """Return the mechanism of this name, in any case; None for an unknown one."""
    found = _registry.get(name)
    if found is None:
        if not isinstance(name, str):
            raise TypeError(f"a mechanism's name is a str, not {type(name).__name__}")
        found = _registry.get(folded(name))
    return found


def registered() -> tuple[Mechanism, ...]:
    """Return every mechanism, the strongest first."""
    return tuple(sorted(_registry.values(), key=lambda m: (-m.strength, m.name)))


def _builtin(name: str, module: str, **facts: Any) -> None:
    """Register a mechanism whose module is imported when a side of it is first made."""

    def client(
        terms: Terms, credentials: Credentials, nonce: bytes | None
    ) -> ClientOpening:
        load()
        return mechanism.client(terms, credentials, nonce)

    def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
        load()
        return mechanism.server(terms, nonce)

    def load() -> None:
        from importlib import import_module

        found = import_module(f"{__name__}.{module}")
        mechanism.client, mechanism.server = found.client, found.server

    mechanism = Mechanism(name, client, server, **facts)
    register(mechanism)


# SCRAM by hash: strength, specification. A binding is worth more than a longer hash.
for _hash, _strength, _rfc in (
    ("sha512", 76, "draft-melnikov-scram-sha-512"),
    ("sha3_512", 75, "draft-melnikov-scram-sha3-512"),
    ("sha384", 74, "RFC 5802"),
    ("sha256", 73, "RFC 7677"),
    ("sha224", 72, "RFC 5802"),
    ("sha1", 71, "RFC 5802"),
):
    for _suffix, _plus in (("", False), ("-PLUS", True)):
        _builtin(
            NAMES[_hash] + _suffix,
            "scram",
            strength=_strength + 10 * _plus,
            needs=("username", NAMES[_hash]),
            asks=(FindScramKeys,),
            plus=_plus,
            mutual=True,
            hash_name=_hash,
            specification=_rfc,
        )
_builtin(
    "EXTERNAL",
    "external",
    strength=90,
    external=True,
    specification="RFC 4422, appendix A",
)
for _suffix, _plus in (("", False), ("-PLUS", True)):
    _builtin(
        f"GS2-KRB5{_suffix}",
        "gs2",
        strength=79 + 10 * _plus,
        needs=("gss function",),
        asks=(AcceptSecurityContext,),
        plus=_plus,
        mutual=True,
        specification="RFC 5801",
    )
_builtin(
    "GSSAPI",
    "gssapi",
    strength=78,
    needs=("gss",),
    asks=(AcceptSecurityContext,),
    mutual=True,
    layer=True,
    specification="RFC 4752",
)
_builtin(
    "GSS-SPNEGO",
    "gssapi",
    strength=77,
    needs=("gss",),
    asks=(AcceptSecurityContext,),
    mutual=True,
    layer=True,
    authzid=False,
    specification="Microsoft, Cyrus",
)
# Bound or not at all: what is sent without a binding is the same at each login.
for _strength, (_name, (_hash, _binding)) in enumerate(reversed(HT_NAMES.items()), 62):
    _builtin(
        _name,
        "ht",
        strength=_strength + 30 * bool(_binding),
        needs=("username", _name),
        asks=(FindHashedTokens, UseHashedToken),
        plus=bool(_binding),
        binding=_binding,
        mutual=True,
        hash_name=_hash,
        encrypted=True,
        authzid=False,
        specification="draft-ietf-kitten-sasl-ht",
        by_name=True,
    )
_builtin(
    "ECDSA-NIST256P-CHALLENGE",
    "ecdsa",
    strength=65,
    needs=("username", "signer"),
    asks=(VerifySignature,),
    specification="Atheme",
    by_name=True,
)
_builtin(
    "OAUTHBEARER",
    "oauthbearer",
    strength=61,
    needs=("token",),
    asks=(CheckToken,),
    shows="token",
    specification="RFC 7628",
)
_builtin(
    "XOAUTH2",
    "xoauth2",
    strength=60,
    needs=("username", "token"),
    asks=(CheckToken,),
    shows="token",
    specification="Google, Microsoft",
)
_builtin(
    "SRP",
    "srp",
    strength=45,
    needs=("username", "password"),
    asks=(FindPassword,),
    mutual=True,
    hash_name="sha1",
    specification="draft-burdis-cat-srp-sasl-08",
    by_name=True,
)
_builtin(
    "DIGEST-MD5",
    "digest_md5",
    strength=40,
    needs=("username", "password"),
    asks=(FindPassword,),
    client_first=False,
    initial_response=True,
    mutual=True,
    layer=True,
    hash_name="md5",
    specification="RFC 2831, RFC 6331",
    obsolete=True,
)
_builtin(
    "NTLM",
    "ntlm",
    strength=35,
    needs=("username", "password"),
    asks=(FindPassword,),
    binds="tls-server-end-point",
    layer=True,
    authzid=False,
    hash_name="md5",
    specification="MS-NLMP",
    obsolete=True,
)
for _name, _strength, _rfc in (
    ("SAML20", 51, "RFC 6595"),
    ("OPENID20", 50, "RFC 6616"),
):
    _builtin(
        _name,
        "redirect",
        strength=_strength,
        needs=("provider", "prompt"),
        asks=(BeginRedirect, FinishRedirect),
        specification=_rfc,
        by_name=True,
    )
_builtin(
    "CRAM-MD5",
    "cram_md5",
    strength=30,
    needs=("username", "password"),
    asks=(FindPassword,),
    client_first=False,
    authzid=False,
    hash_name="md5",
    specification="RFC 2195",
)
_builtin(
    "OTP",
    "otp",
    strength=25,
    needs=("username", "password"),
    asks=(FindOtp, ConsumeOtp),
    specification="RFC 2444",
    by_name=True,
)
_builtin(
    "PLAIN",
    "plain",
    strength=20,
    needs=("username", "password"),
    asks=(CheckPassword,),
    shows="password",
    specification="RFC 4616",
)
_builtin(
    "SECURID",
    "securid",
    strength=15,
    needs=("username", "password"),
    asks=(CheckPasscode,),
    shows="password",
    specification="RFC 2808",
    by_name=True,
)
_builtin(
    "LOGIN",
    "login",
    strength=10,
    needs=("username", "password"),
    asks=(CheckPassword,),
    shows="password",
    client_first=False,
    initial_response=True,
    authzid=False,
    specification="draft-murchison-sasl-login",
)
_builtin(
    "ANONYMOUS",
    "anonymous",
    strength=0,
    anonymous=True,
    authzid=False,
    specification="RFC 4505",
)
