"""Policy: what one side accepts. How it is applied is in `_choosing.py`."""

from __future__ import annotations

import hashlib
import os

from ._hashed_token import DRAFTS
from ._value import Frozen, refuse_pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Literal, NoReturn, Protocol

    from .layers import CipherMaker
    from .mechanisms import Mechanism
    from .memory import Memory

    class Decoys(Protocol):
        """What a population of accounts looks like, for those who do not exist."""

        def scram(self, hash_name: str, draw: int) -> tuple[int, int]:
            """Return iterations and salt length, drawn as often as accounts have them."""


_set = object.__setattr__
_PROCESS_SECRET = os.urandom(32)
_LAYERS = frozenset({"none", "integrity", "confidentiality"})
_STREAMS = frozenset({"rc4", "rc4-56", "rc4-40"})
_BLOCKS = frozenset({"3des", "des"})


class Policy(Frozen):
    """What one side accepts; immutable, with safe defaults, for clients and servers.

    Which mechanisms:

    `allow`: names, in any case; no other is run. None: all that are neither anonymous nor
        obsolete, and of which every client and server can make use. A -PLUS is another
        name than the one without.
    `deny`: names that are never run.
    `cleartext`: when a mechanism may show the password or token: on "encrypted" channels,
        "always", or "never".
    `encryption`: "prefer", or "require": on other channels than encrypted ones no
        mechanism is offered or run, whatever it shows (Postfix's smtpd_tls_auth_only).
    `channel_binding`: "prefer", "disable", or "require" (-PLUS mechanisms only, and on a
        server NTLM).

    Limits:

    `max_message`: octets of one message, before decoding.
    `iterations`: the fewest and most that a client computes for a server's SCRAM.
    `otp_jump`: how far below the last number that it was asked for (see `memory`) an OTP
        client answers: who has the password of a low one has all above it.

    Users who do not exist:

    `decoy`: the iterations and octets of salt that real accounts have, or their
        `sasl_core.backends.Population` where they differ.
    `decoy_secret`: octets that keep the salt shown for nobody the same over restarts and
        hosts (None: random for this process).

    Security layers, of DIGEST-MD5, NTLM and Kerberos:

    `layers`: those to put on the connection, the preferred one first: "confidentiality",
        "integrity", "none" (without it, mechanisms that give none are not run).
    `ciphers`: what DIGEST-MD5 may encrypt with, and of the RC4s NTLM, the preferred one
        first: a dict of "3des", "rc4", "des", "rc4-56" and "rc4-40", each with its maker
        (`adapters.cryptography.des`), None for the RC4 that is built in.
    `max_buffer`: octets of one buffer that we take.

    Of one mechanism each:

    `prepare`: apply SASLprep to names and passwords (False: for stores filled without it).
    `memory`: the `sasl_core.memory.Memory` in which DIGEST-MD5 keeps nonces, to
        authenticate by them again (None: each serves once), and an OTP client the lowest
        number that it was asked for.
    `ntlm_v1`: the maker of DES with which NTLM's first version is spoken too (None: only
        the second).
    `clock`: what tells the time, such as `time.time`, to NTLM: with it a server's challenge
        has a timestamp, which makes Windows protect the exchange by a MIC.
    `ht_draft`: whose messages HT speaks, for they do not tell: "ietf-02", "ietf-00" (as
        draft-schmaus-...-10), or "schmaus-09", with which XMPP's FAST is deployed. By the
        name HT2, it is always the first.
    `x25519`: RFC 7748's function, of a secret key and a u-coordinate in 32 octets each,
        with which a server has ECDH-X25519-CHALLENGE (`adapters.cryptography.x25519`).
    `confirm`: a server asks `Confirm` about those whom somebody else has proved: by
        EXTERNAL, by a security context.

    Raise ValueError for a word or number that cannot be, TypeError for one str as names.
    """

    __match_args__ = (
        "allow",
        "deny",
        "cleartext",
        "channel_binding",
        "iterations",
        "max_message",
        "decoy_secret",
        "decoy",
        "prepare",
        "layers",
        "ciphers",
        "max_buffer",
        "memory",
        "ntlm_v1",
        "clock",
        "ht_draft",
        "otp_jump",
        "x25519",
        "confirm",
        "encryption",
    )
    __slots__ = (*__match_args__, "_salts", "_verdicts")
    _secret = frozenset({"decoy_secret"})

    allow: frozenset[str] | None
    deny: frozenset[str]
    cleartext: str
    channel_binding: str
    iterations: tuple[int, int]
    max_message: int
    decoy_secret: bytes | None
    decoy: tuple[int, int] | Decoys
    prepare: bool
    layers: tuple[str, ...]
    ciphers: tuple[tuple[str, CipherMaker | None], ...]
    max_buffer: int
    memory: Memory | None
    ntlm_v1: CipherMaker | None
    clock: Callable[[], float] | None
    ht_draft: str
    otp_jump: int
    x25519: Callable[[bytes, bytes], bytes] | None
    confirm: bool
    encryption: str
    _verdicts: dict[Mechanism, str]  # what `_choosing` found out about it once
    _salts: hashlib.blake2b

    def __init__(
        self,
        *,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        cleartext: Literal["encrypted", "always", "never"] = "encrypted",
        channel_binding: Literal["prefer", "disable", "require"] = "prefer",
        iterations: tuple[int, int] = (4096, 1_000_000),
        max_message: int = 65536,
        decoy_secret: bytes | None = None,
        decoy: tuple[int, int] | Decoys = (4096, 16),
        prepare: bool = True,
        layers: Iterable[Literal["confidentiality", "integrity", "none"]] = ("none",),
        ciphers: Mapping[str, CipherMaker | None]
        | tuple[tuple[str, CipherMaker | None], ...] = (("rc4", None),),
        max_buffer: int = 65536,
        memory: Memory | None = None,
        ntlm_v1: CipherMaker | None = None,
        clock: Callable[[], float] | None = None,
        ht_draft: Literal["ietf-02", "ietf-00", "schmaus-09"] = "ietf-02",
        otp_jump: int = 100,
        x25519: Callable[[bytes, bytes], bytes] | None = None,
        confirm: bool = False,
        encryption: Literal["prefer", "require"] = "prefer",
    ) -> None:
        if cleartext not in ("encrypted", "always", "never"):
            raise ValueError('cleartext is "encrypted", "always" or "never"')
        if encryption not in ("prefer", "require"):
            raise ValueError('encryption is "prefer" or "require"')
        if channel_binding not in ("prefer", "disable", "require"):
            raise ValueError('channel_binding is "prefer", "disable" or "require"')
        if not 1 <= iterations[0] <= iterations[1]:
            raise ValueError("iterations are at least 1, the least before the most")
        if isinstance(decoy, tuple) and (decoy[0] < 1 or decoy[1] < 1):
            raise ValueError(
                "a decoy has at least one iteration, and one octet of salt"
            )
        if max_message < 1:
            raise ValueError("a message has at least one octet")
        _set(self, "layers", tuple(layers))
        if not self.layers or not _LAYERS.issuperset(self.layers):
            raise ValueError('layers are "confidentiality", "integrity" or "none"')
        # RFC 2831, section 2.1.1; RFC 4752, section 3.1, has the same three octets.
        if not 16 < max_buffer < 1 << 24:
            raise ValueError("a buffer has 17 to 16777215 octets")
        _set(self, "ciphers", tuple(dict(ciphers).items()))
        if not self.ciphers and "confidentiality" in self.layers:
            raise ValueError("confidentiality needs a cipher")
        for name, maker in self.ciphers:
            if name not in _STREAMS and (name not in _BLOCKS or maker is None):
                raise ValueError(
                    "ciphers are rc4, rc4-56 and rc4-40, and with a maker 3des and des"
                )
        _set(self, "max_buffer", max_buffer)
        _set(self, "confirm", confirm)
        _set(self, "encryption", encryption)
        _set(self, "memory", memory)
        _set(self, "ntlm_v1", ntlm_v1)
        _set(self, "clock", clock)
        if ht_draft not in DRAFTS:
            raise ValueError('ht_draft is "ietf-02", "ietf-00" or "schmaus-09"')
        _set(self, "ht_draft", ht_draft)
        if otp_jump < 1:
            raise ValueError("each login by OTP takes a number at least")
        _set(self, "otp_jump", otp_jump)
        if x25519 is not None:
            from ._x25519 import check

            check(x25519)
        _set(self, "x25519", x25519)
        _set(self, "allow", None if allow is None else _names(allow))
        _set(self, "deny", _names(deny))
        _set(self, "cleartext", cleartext)
        _set(self, "channel_binding", channel_binding)
        _set(self, "iterations", iterations)
        _set(self, "max_message", max_message)
        _set(self, "decoy_secret", decoy_secret)
        _set(self, "decoy", decoy)
        _set(self, "prepare", prepare)
        _set(self, "_verdicts", {})
        # RFC 7693: a keyed BLAKE2b is a MAC; what it has of the key is kept.
        key = hashlib.sha512(decoy_secret or _PROCESS_SECRET).digest()
        _set(self, "_salts", hashlib.blake2b(key=key))

    def __reduce__(self) -> NoReturn:
        refuse_pickle(self)

    def _is_told(self, name: str, value: object) -> bool:
        """Where it is not the default: signatures show policies."""
        return bool(value != getattr(DEFAULT, name))

    def decoy_terms(self, hash_name: str, username: str) -> tuple[bytes, int]:
        """Return the salt and iterations to show for a user who does not exist.

        The same each time, on every host with the same `decoy_secret`: so they do not
        tell an unknown user from a known one (RFC 5802, section 5.1, attribute "e").
        """
        decoy = self.decoy
        if not isinstance(decoy, tuple):
            decoy = decoy.scram(hash_name, self.draw(username))
        iterations, size = decoy
        digest = self._salts.copy()
        digest.update(f"{hash_name} {username}".encode())
        salt = digest.digest()
        while len(salt) < size:
            digest.update(salt)
            salt += digest.digest()
        return salt[:size], iterations

    def draw(self, username: str) -> int:
        """Return the number by which all that is shown of an unknown user is drawn: as
        stable, and as unforeseeable, as the salt.
        """
        digest = self._salts.copy()
        digest.update(f" {username}".encode())  # no hash has an empty name
        return int.from_bytes(digest.digest()[:8])


def _names(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise TypeError("mechanism names come as a list or tuple, not as one str")
    return frozenset(name.upper() for name in names)


DEFAULT = Policy()
