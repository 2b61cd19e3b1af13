"""parse: one reader for all the forms, that recognises what it sees."""

from __future__ import annotations

from binascii import a2b_hex

from .._records import ScramKeys
from .._strict import utf8
from ..otp import OtpState
from ._derive import realm_of
from ._foreign import ForeignHash, family
from ._hash_texts import read_modular, read_scheme, standard
from ._nt_hash import NtHash
from ._public_key import EcdsaPublicKey, X25519PublicKey, read_pem
from ._scram_fields import read_fields, read_passlib
from ._secrets import CramMd5Secret, DigestMd5Secret, Plaintext
from ._srp import SrpVerifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import Record, Verifiers

_MAX = 65536
_CLEAR = frozenset({"PLAIN", "CLEARTEXT", "CLEAR"})
_ENCODINGS = frozenset({"", "HEX", "B64", "BASE64"})
# Dovecot's and slapd's names in front of a text that says by itself what it is
_WRAPPED = frozenset(
    {
        "CRYPT",
        "MD5",
        "BLF-CRYPT",
        "ARGON2",
        "ARGON2I",
        "ARGON2ID",
        "SHA256-CRYPT",
        "SHA512-CRYPT",
        "MD5-CRYPT",
        "DES-CRYPT",
    }
)
_OLD_CRYPT = frozenset({"CRYPT", "DES-CRYPT"})
_CRYPT64 = frozenset("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def parse(
    source: str | Mapping[str, object],
    *,
    username: str = "",
    realm: str | None = None,
    verifiers: Verifiers | None = None,
    default: str | None = None,
) -> tuple[Record, ...]:
    """Read a stored credential: its text, or the fields of a database.

    Usually one record; MongoDB's documents and passlib's scram string hold several.
    `username`, `realm`: whose it is, for DIGEST-MD5 and SRP. `verifiers`: by family, for
    hashes that the standard library cannot compute. `default`: the scheme of a text that
    is of no known form, as Dovecot's default_pass_scheme. Raise ValueError for what it
    does not recognise: nothing is guessed.
    """
    problem = "not a known form of a stored password"
    try:
        if not isinstance(source, str):
            return read_fields(source)
        found = _parse(source, username, realm, verifiers or {})
        if not found and default is not None:
            text = f"{{{default}}}{source}"
            found = _parse(text, username, realm, verifiers or {})
        if found:
            return found
    except ValueError as error:
        problem = str(error) if type(error) is not UnicodeDecodeError else problem
    raise ValueError(problem)  # outside the handler: a chained error would show octets


def _parse(
    text: str, username: str, realm: str | None, verifiers: Verifiers
) -> tuple[Record, ...]:
    if len(text) > _MAX:
        raise ValueError("too long for a stored password")
    text = text.rstrip("\r\n")
    if text.startswith("{"):
        return _braced(text, username, realm, verifiers)
    if text.startswith("SCRAM-") or " $ " in text:
        return (ScramKeys.parse("".join(text.split())),)
    if text.startswith("-----BEGIN"):
        return (read_pem(text),)
    if text.startswith("$scram$"):
        return read_passlib(text)
    if text.startswith("$3$$"):  # FreeBSD's crypt
        return (NtHash.read(text[4:]),)
    if text.startswith("s=") and ",t=" in text:
        return (_tigase(text),)
    # Django has "bcrypt$" and "argon2" in front of the text itself.
    bare = text.removeprefix("bcrypt$")
    bare = bare.replace("argon2$", "$", 1) if bare.startswith("argon2$") else bare
    kind = family(bare)
    if kind:
        return (ForeignHash(kind, bare, verifiers.get(kind)),)
    hashed = read_modular(text)
    return () if hashed is None else (hashed,)


def _braced(
    text: str, username: str, realm: str | None, verifiers: Verifiers
) -> tuple[Record, ...]:
    name, closed, rest = text[1:].partition("}")
    scheme, _, encoding = name.upper().partition(".")
    if not closed or encoding not in _ENCODINGS:
        raise ValueError("a {SCHEME} that is not closed, or with an unknown encoding")
    if scheme.startswith("SCRAM-"):
        return (ScramKeys.parse(text),)
    if scheme in _CLEAR:
        if encoding == "HEX":
            rest = utf8(a2b_hex(rest))
        elif encoding:
            rest = utf8(standard(rest))
        return (Plaintext(rest),) if rest else ()
    if scheme == "SRP":
        return (SrpVerifier.read(username, rest),)
    if scheme == "ECDSA-NIST256P":
        return (EcdsaPublicKey.read(rest),)
    if scheme == "X25519":
        return (X25519PublicKey.read(rest),)
    if scheme == "OTP":
        return (OtpState.read(rest),)
    if scheme == "CRAM-MD5":
        return (CramMd5Secret.read(rest),)
    if scheme in ("NTLM", "NT"):
        return (NtHash.read(rest),)
    if scheme == "DIGEST-MD5":
        if realm is None:
            realm, username = realm_of(username), username.rpartition("@")[0]
        return (DigestMd5Secret(username, realm, a2b_hex(rest)),)
    if not (scheme in _WRAPPED and rest.startswith("$")):
        hashed = read_scheme(scheme, encoding, rest)
        if hashed is not None:
            return (hashed,)
    if scheme in _WRAPPED:
        kind = family(rest)
        old = scheme in _OLD_CRYPT and len(rest) == 13 and _CRYPT64.issuperset(rest)
        if old:
            kind = "CRYPT"
        if kind:
            return (ForeignHash(kind, rest, verifiers.get(kind)),)
    raise ValueError("an unknown {SCHEME}, or a text that does not belong to it")


def _tigase(text: str) -> ScramKeys:
    fields = dict(field.partition("=")[::2] for field in text.split(","))
    if fields.keys() != {"s", "i", "t", "e"}:
        raise ValueError("not s=,i=,t=,e=")
    stored = {
        "salt": fields["s"],
        "iterations": fields["i"],
        "stored_key": fields["t"],
        "server_key": fields["e"],
    }
    return read_fields(stored)[0]
