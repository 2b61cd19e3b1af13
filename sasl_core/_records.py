"""What is stored in place of a SCRAM password: ScramKeys at a server, ScramClientKeys
at a client (RFC 5802, section 3). Its forms, and all other records, are in `records/`.
"""

from __future__ import annotations

import hmac
import os

from ._scram_math import NAMES, suite
from ._strict import must_be_octets
from ._value import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

_set = object.__setattr__


class ScramKeys(Frozen):
    """What a server keeps of a password for SCRAM; the password cannot be had from it.

    `hash_name` is hashlib's (`"sha256"`); `salt`, `stored_key` and `server_key` are raw
    octets. Raise ValueError if the sizes do not fit the hash.
    """

    __slots__ = __match_args__ = (
        "hash_name",
        "salt",
        "iterations",
        "stored_key",
        "server_key",
    )
    _secret = frozenset({"stored_key", "server_key"})

    hash_name: str
    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes

    def __init__(
        self,
        hash_name: str,
        salt: bytes,
        iterations: int,
        stored_key: bytes,
        server_key: bytes,
    ) -> None:
        size = suite(hash_name).size
        for octets in (salt, stored_key, server_key):
            must_be_octets(octets)
        if len(stored_key) != size or len(server_key) != size:
            raise ValueError(f"keys for {hash_name} have {size} octets")
        if iterations < 1 or not salt:
            raise ValueError("a salt and at least one iteration are needed")
        _set(self, "hash_name", hash_name)
        _set(self, "salt", salt)
        _set(self, "iterations", iterations)
        _set(self, "stored_key", stored_key)
        _set(self, "server_key", server_key)

    @classmethod
    def derive(
        cls,
        password: str | bytes,
        hash_name: str = "sha256",
        *,
        iterations: int = 4096,
        salt: bytes | None = None,
    ) -> ScramKeys:
        """Compute the keys of a password: slow on purpose, `iterations` HMACs.

        A `str` is prepared with SASLprep, `bytes` are taken as they are; `salt=None`
        draws 16 fresh octets. Raise ValueError for a password that SASLprep refuses or
        leaves empty, and for a hash that this Python lacks.
        """
        if salt is None:
            salt = os.urandom(16)
        try:
            keys = ScramClientKeys.derive(
                password, hash_name, iterations=iterations, salt=salt
            )
        except ValueError as error:
            problem = str(error)
        else:
            return cls(hash_name, salt, iterations, keys.stored_key, keys.server_key)
        # Raised outside the handler: a chained exception would show the password.
        raise ValueError(problem)

    @property
    def scheme(self) -> str:
        """Return the mechanism's name: SCRAM-SHA-256."""
        return NAMES[self.hash_name]

    def decoy(self) -> ScramKeys:
        """Return keys of the same sizes and cost, that no password fits."""
        size = len(self.stored_key)
        return ScramKeys(
            self.hash_name,
            os.urandom(len(self.salt)),
            self.iterations,
            os.urandom(size),
            os.urandom(size),
        )

    def verify(self, password: str) -> bool:
        """Tell whether these are the keys of a password, as PLAIN shows it.

        As slow as `derive`; False for a password that SASLprep refuses.
        """
        try:
            keys = ScramKeys.derive(
                password, self.hash_name, iterations=self.iterations, salt=self.salt
            )
        except ValueError:
            return False
        return hmac.compare_digest(keys.stored_key, self.stored_key)

    @classmethod
    def parse(cls, text: str) -> ScramKeys:
        """Read any known text form; see `format`. Raise ValueError for another."""
        from .records._scram_texts import parse

        try:
            return cls(*parse(text))
        except ValueError as error:
            problem = str(error)
        raise ValueError(problem)  # outside the handler, as in derive()

    def format(self, form: str = "rfc5803") -> str:
        """Write a text form: `rfc5803` (Cyrus `authPassword`), `postgresql`, `dovecot`,
        `gsasl`. Raise ValueError where the form has no word for the hash.
        """
        from .records._scram_texts import write

        return write(self, form)


class Secret(Frozen):
    """What is precomputed of a password for some mechanism other than SCRAM, and answers
    its `FindPassword`; see `sasl_core.records`.
    """

    __slots__ = ()
    mechanisms: ClassVar[frozenset[str]] = frozenset()


class ScramClientKeys(Frozen):
    """What a client may keep in place of the password (RFC 5802, section 3).

    Good for one hash, salt and iteration count only. Whoever has `client_key` can log in.
    """

    __slots__ = __match_args__ = (
        "hash_name",
        "salt",
        "iterations",
        "client_key",
        "server_key",
        "stored_key",
    )
    _secret = frozenset({"client_key", "server_key", "stored_key"})

    hash_name: str
    salt: bytes
    iterations: int
    client_key: bytes
    server_key: bytes
    stored_key: bytes

    def __init__(
        self,
        hash_name: str,
        salt: bytes,
        iterations: int,
        client_key: bytes,
        server_key: bytes,
        stored_key: bytes | None = None,
    ) -> None:
        _set(self, "hash_name", hash_name)
        _set(self, "salt", salt)
        _set(self, "iterations", iterations)
        _set(self, "client_key", client_key)
        _set(self, "server_key", server_key)
        _set(self, "stored_key", stored_key or suite(hash_name).H(client_key))

    @classmethod
    def derive(
        cls, password: str | bytes, hash_name: str, *, iterations: int, salt: bytes
    ) -> ScramClientKeys:
        """Compute the keys of a password; as `ScramKeys.derive`."""
        if isinstance(password, str):
            from ._saslprep import saslprep  # its tables cost something to import

            password = saslprep(password).encode()
        if not password:
            raise ValueError("the password is empty")
        math = suite(hash_name)
        salted = math.Hi(password, salt, iterations)
        return cls(
            hash_name,
            salt,
            iterations,
            math.HMAC(salted, b"Client Key"),
            math.HMAC(salted, b"Server Key"),
        )
