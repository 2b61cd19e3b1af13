"""The forms in which password hashes are written; read by their beginnings.

passlib     $pbkdf2-sha256$ITER$SALT$HASH (ab64)   $scrypt$ln=16,r=8,p=1$SALT$HASH
ldap        {PBKDF2-SHA256}ITER$SALT$HASH (ab64)   {SSHA}BASE64(HASH SALT)
django      pbkdf2_sha256$ITER$SALT$BASE64   scrypt$N$SALT$R$P$BASE64   md5$SALT$HEX
werkzeug    scrypt:N:R:P$SALT$HEX   pbkdf2:sha256:ITER$SALT$HEX
dovecot     {PBKDF2}$1$SALT$ITER$HEX (SHA-1)

ab64 is base64 with "." for "+", without padding; scrypt's has the "+".
"""

from __future__ import annotations

from binascii import Error, a2b_base64, a2b_hex, b2a_base64

from .._strict import integer
from ._hashes import DIGESTS, Digest, Hashed, Pbkdf2, Scrypt

_COUNT = 2**31 - 1
_HASHES = {"": "sha1", "-sha1": "sha1", "-sha256": "sha256", "-sha512": "sha512"}
_NAMED = frozenset({"sha1", "sha256", "sha512"})
_DIGESTS = {scheme: hash_name for (hash_name, _), scheme in DIGESTS.items()}
_SIZES = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
_DIGESTS |= {"SHA1": "sha1", "PLAIN-MD5": "md5", "LDAP-MD5": "md5"}


def read_modular(text: str) -> Hashed | None:
    """Read what has no {SCHEME} in front; None for what is none of these forms."""
    kind, *fields = text.removeprefix("$").split("$")
    if text.startswith("$pbkdf2") and kind[6:] in _HASHES and len(fields) == 3:
        salt, digest = ab64(fields[1]), ab64(fields[2])
        return Pbkdf2(_HASHES[kind[6:]], number(fields[0]), salt, digest)
    if text.startswith("$scrypt$") and len(fields) == 3:
        costs = dict(pair.partition("=")[::2] for pair in fields[0].split(","))
        if costs.keys() == {"ln", "r", "p"}:
            n = 1 << number(costs["ln"], 40)
            costs_ = n, number(costs["r"]), number(costs["p"])
            return Scrypt(*costs_, ab64(fields[1]), ab64(fields[2]))
    if text.startswith("$"):
        return None
    names, costs_of = kind.split("_"), kind.split(":")
    match names, costs_of, fields:
        case ["pbkdf2", name], _, [count, given, tail] if name in _NAMED:
            return Pbkdf2(name, number(count), given.encode(), standard(tail), "django")
        case ["scrypt"], _, [n_, given, r_, p_, tail]:
            costs_ = number(n_), number(r_), number(p_)
            return Scrypt(*costs_, given.encode(), standard(tail), "django")
        case [("md5" | "sha1") as name], _, [given, tail]:
            return Digest(name, given.encode(), a2b_hex(tail), "django")
        case _, ["scrypt", n_, r_, p_], [given, tail]:
            costs_ = number(n_), number(r_), number(p_)
            return Scrypt(*costs_, given.encode(), a2b_hex(tail), "werkzeug")
        case _, ["pbkdf2", name, count], [given, tail] if name in _NAMED:
            made = number(count), given.encode(), a2b_hex(tail)
            return Pbkdf2(name, *made, "werkzeug")
    return None


def read_scheme(scheme: str, encoding: str, text: str) -> Hashed | None:
    """Read what stands behind a {SCHEME} or {SCHEME.ENCODING}; None for another."""
    if scheme == "PBKDF2" and text.startswith("$1$") and text.count("$") == 4:
        _, _, salt, count, digest = text.split("$")
        made = number(count), salt.encode(), a2b_hex(digest)
        return Pbkdf2("sha1", *made, "dovecot")
    hash_name = _HASHES.get(scheme.removeprefix("PBKDF2").lower())
    if scheme.startswith("PBKDF2") and hash_name and text.count("$") == 2:
        count, salt, digest = text.split("$")
        return Pbkdf2(hash_name, number(count), ab64(salt), ab64(digest), "ldap")
    hash_name = _DIGESTS.get(scheme)
    if hash_name is None:
        return None
    size = _SIZES[hash_name]
    salted = scheme.startswith(("SSHA", "SMD5"))
    hexadecimal = encoding == "HEX" or (not encoding and len(text) == 2 * size)
    octets = a2b_hex(text) if hexadecimal else standard(text)
    if salted != (len(octets) > size):
        raise ValueError(f"{{{scheme}}} has not the length of its hash")
    return Digest(hash_name, octets[size:], octets[:size])


def write(hashed: Hashed) -> str:
    """Write a hash in its form."""
    salt, digest, form = hashed.salt, hashed.digest, hashed.form
    if isinstance(hashed, Digest):
        if form == "django":
            return f"{hashed.hash_name}${salt.decode()}${digest.hex()}"
        return f"{{{hashed.scheme}}}{to_base64(digest + salt)}"
    if isinstance(hashed, Scrypt):
        if form == "django":
            costs = f"{hashed.n}${salt.decode()}${hashed.r}${hashed.p}"
            return f"scrypt${costs}${to_base64(digest)}"
        if form == "werkzeug":
            costs = f"{hashed.n}:{hashed.r}:{hashed.p}"
            return f"scrypt:{costs}${salt.decode()}${digest.hex()}"
        costs = f"ln={hashed.n.bit_length() - 1},r={hashed.r},p={hashed.p}"
        salt_text, digest_text = (
            to_base64(part).rstrip("=") for part in (salt, digest)
        )
        return f"$scrypt${costs}${salt_text}${digest_text}"
    if not isinstance(hashed, Pbkdf2):
        raise TypeError(f"no text is known for a {type(hashed).__name__}")
    name, count = hashed.hash_name, hashed.iterations
    match form:
        case "django":
            return f"pbkdf2_{name}${count}${salt.decode()}${to_base64(digest)}"
        case "werkzeug":
            return f"pbkdf2:{name}:{count}${salt.decode()}${digest.hex()}"
        case "dovecot":
            return f"{{PBKDF2}}$1${salt.decode()}${count}${digest.hex()}"
    suffix = "" if name == "sha1" else f"-{name}"
    fields = f"{count}${to_ab64(salt)}${to_ab64(digest)}"
    if form == "ldap":
        return f"{{PBKDF2{suffix.upper()}}}{fields}"
    return f"$pbkdf2{suffix}${fields}"


def number(digits: str, most: int = _COUNT) -> int:
    """Read a cost."""
    return integer(digits.encode("ascii", "replace"), 1, most, "cost")


def ab64(text: str) -> bytes:
    """Read base64 with dots and without padding."""
    if "+" in text and "." in text:
        raise ValueError("two alphabets of base64 in one text")
    return standard(text.replace(".", "+") + "=" * (-len(text) % 4))


def standard(text: str) -> bytes:
    """Read base64; raise ValueError."""
    try:
        return a2b_base64(text.encode("ascii", "replace"), strict_mode=True)
    except Error:
        pass
    raise ValueError("not base64")


def to_ab64(octets: bytes) -> str:
    """Write base64 with dots and without padding."""
    return to_base64(octets).rstrip("=").replace("+", ".")


def to_base64(octets: bytes) -> str:
    """Write base64."""
    return b2a_base64(octets, newline=False).decode()
