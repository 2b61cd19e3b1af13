"""SCRAM keys in the fields of databases: MongoDB, Prosody, ejabberd, XEP-0227; and in
passlib's string, which holds the salted password for several hashes.
"""

from __future__ import annotations

import hashlib
from binascii import a2b_hex

from .._records import ScramKeys
from .._saslprep import saslprep
from .._scram_math import NAMES, suite
from ._hash_texts import ab64, number, standard, to_ab64, to_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HASHES = {name: hash_name for hash_name, name in NAMES.items()}
_PASSLIB = {
    "sha-1": "sha1",
    "sha-224": "sha224",
    "sha-256": "sha256",
    "sha-384": "sha384",
    "sha-512": "sha512",
}
_EJABBERD = {"sha": "sha1"} | {name: name for name in ("sha1", "sha256", "sha512")}


def read_fields(fields: Mapping[str, object]) -> tuple[ScramKeys, ...]:
    """Read the fields of one of these databases; raise ValueError for others."""
    if fields and all(isinstance(value, dict) for value in fields.values()):
        known = [name for name in fields if name in _HASHES]
        if known:
            return tuple(_mongodb(_HASHES[name], fields[name]) for name in known)
    text = {key.replace("-", "_"): str(value) for key, value in fields.items()}
    if {"iteration_count", "salt", "stored_key", "server_key"} <= text.keys():
        stored, server = a2b_hex(text["stored_key"]), a2b_hex(text["server_key"])
        count, salt = number(text["iteration_count"]), text["salt"].encode()
        return (ScramKeys(_by_size(stored), salt, count, stored, server),)
    for count_name, stored_name, server_name in (
        ("iterationcount", "password", "serverkey"),  # ejabberd
        ("iter_count", "stored_key", "server_key"),  # XEP-0227
        ("iterations", "stored_key", "server_key"),
    ):
        if {"salt", count_name, stored_name, server_name} <= text.keys():
            stored = standard(text[stored_name])
            hash_name = _EJABBERD.get(text.get("hash", ""), _by_size(stored))
            return (
                ScramKeys(
                    hash_name,
                    standard(text["salt"]),
                    number(text[count_name]),
                    stored,
                    standard(text[server_name]),
                ),
            )
    raise ValueError("not the fields of stored SCRAM keys")


def read_passlib(text: str) -> tuple[ScramKeys, ...]:
    """Read `$scram$ITER$SALT$sha-1=...,sha-256=...`: SaltedPasswords, in ab64."""
    _, _, count, salt_text, digests = text.split("$")
    salt, iterations = ab64(salt_text), number(count)
    found = []
    for pair in digests.split(","):
        name, _, digest = pair.partition("=")
        if name in _PASSLIB:  # passlib has others, that no SCRAM uses
            math = suite(_PASSLIB[name])
            salted = ab64(digest)
            stored = math.H(math.HMAC(salted, b"Client Key"))
            server = math.HMAC(salted, b"Server Key")
            found.append(ScramKeys(math.hash_name, salt, iterations, stored, server))
    if not found:
        raise ValueError("passlib's string has no hash of SCRAM's")
    return tuple(found)


def mongodb(keys: Iterable[ScramKeys]) -> dict[str, dict[str, object]]:
    """Return the `credentials` of a MongoDB user; `parse` reads them.

    Its SCRAM-SHA-1 keys are of the hexadecimal MD5 of `user:mongo:password`, in place of
    the password: only MongoDB's own clients know that.
    """
    return {
        key.scheme: {
            "iterationCount": key.iterations,
            "salt": to_base64(key.salt),
            "storedKey": to_base64(key.stored_key),
            "serverKey": to_base64(key.server_key),
        }
        for key in keys
    }


def prosody(keys: ScramKeys) -> dict[str, object]:
    """Return the fields of a Prosody account; raise ValueError if the salt is no text."""
    try:
        salt = keys.salt.decode("ascii")
    except UnicodeDecodeError:
        salt = ""
    if not salt.isprintable() or not salt:
        raise ValueError("Prosody's salts are text: derive with such a one")
    return {
        "iteration_count": keys.iterations,
        "salt": salt,
        "stored_key": keys.stored_key.hex(),
        "server_key": keys.server_key.hex(),
    }


def ejabberd(keys: ScramKeys) -> dict[str, object]:
    """Return the columns of ejabberd's table `users`, but for the name."""
    return {
        "password": to_base64(keys.stored_key),
        "serverkey": to_base64(keys.server_key),
        "salt": to_base64(keys.salt),
        "iterationcount": keys.iterations,
    }


def passlib(
    password: str,
    hash_names: Iterable[str] = ("sha1", "sha256", "sha512"),
    *,
    iterations: int,
    salt: bytes,
) -> str:
    """Return passlib's string of a password.

    It is made of the password, for it holds the SaltedPassword: who steals it can log in
    by SCRAM. Store something else if you can.
    """
    octets = saslprep(password).encode()
    names = {hash_name: name for name, hash_name in _PASSLIB.items()}
    digests = ",".join(
        f"{names[name]}={to_ab64(hashlib.pbkdf2_hmac(name, octets, salt, iterations))}"
        for name in hash_names
    )
    return f"$scram${iterations}${to_ab64(salt)}${digests}"


def _mongodb(hash_name: str, document: object) -> ScramKeys:
    if not isinstance(document, dict):
        raise ValueError("not a MongoDB credential")
    try:
        salt, stored, server = (
            standard(document[name]) for name in ("salt", "storedKey", "serverKey")
        )
        count = number(str(document["iterationCount"]))
    except (KeyError, AttributeError):
        problem = "a MongoDB credential lacks a field"
    else:
        return ScramKeys(hash_name, salt, count, stored, server)
    raise ValueError(problem)


def _by_size(key: bytes) -> str:
    for hash_name in ("sha1", "sha256", "sha512", "sha384", "sha224"):
        if len(key) == suite(hash_name).size:
            return hash_name
    raise ValueError("a key has not the size of a hash of SCRAM's")
