"""Verifiers made of the packages that people install, which are passed in."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Bcrypt(Protocol):
        """The module `bcrypt`."""

        def checkpw(self, password: bytes, hashed_password: bytes, /) -> bool: ...

    class Argon2(Protocol):
        """`argon2.PasswordHasher` of argon2-cffi."""

        def verify(self, hash: str, password: str, /) -> bool: ...  # noqa: A002

    class Passlib(Protocol):
        """A `CryptContext` of passlib or libpass."""

        def verify(self, secret: str, hash: str, /) -> bool: ...  # noqa: A002


__all__ = ["from_argon2", "from_bcrypt", "from_crypt", "from_passlib"]


def from_bcrypt(module: Bcrypt) -> dict[str, Callable[[str, str], bool]]:
    """Return the verifier of BCRYPT.

    bcrypt takes 72 octets; of a longer password the rest never counted, so it is cut.
    """

    def verify(text: str, password: str) -> bool:
        try:
            return module.checkpw(password.encode()[:72], text.encode())
        except ValueError:
            return False  # a NUL in the password, or a broken text

    return {"BCRYPT": verify}


def from_argon2(hasher: Argon2) -> dict[str, Callable[[str, str], bool]]:
    """Return the verifier of ARGON2: what `verify` raises is a no."""

    def verify(text: str, password: str) -> bool:
        try:
            return hasher.verify(text, password)
        except Exception as error:
            # argon2-cffi's own errors all say no; its classes cannot be imported here.
            if type(error).__module__.partition(".")[0] != "argon2":
                raise
            return False

    return {"ARGON2": verify}


def from_passlib(context: Passlib) -> dict[str, Callable[[str, str], bool]]:
    """Return the verifiers of all families, by what the context knows."""

    def verify(text: str, password: str) -> bool:
        try:
            return context.verify(password, text)
        except ValueError:
            return False  # a hash that the context does not know

    return dict.fromkeys(("BCRYPT", "ARGON2", "CRYPT", "APR1"), verify)


def from_crypt(
    crypt: Callable[[str, str], str | None],
) -> dict[str, Callable[[str, str], bool]]:
    """Return the verifier of CRYPT of the C library's `crypt(word, salt)`."""
    import hmac

    def verify(text: str, password: str) -> bool:
        if "\0" in password:
            return False
        made = crypt(password, text) or ""
        return hmac.compare_digest(made.encode(), text.encode())

    return {"CRYPT": verify}
