"""The secrets of the accounts in every form that gets into a log, and what is searched."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _digest_math as digest_math
from sasl_core.mechanisms import _ntlm_math as ntlm_math

from . import _accounts as accounts

PACKAGE = Path(sasl.__file__).parent
PASSWORD, TOKEN = accounts.PASSWORD, accounts.TOKEN


def _forms(octets: bytes) -> Iterator[str]:
    """Yield the ways in which octets get into a log."""
    yield repr(octets)[2:-1]
    yield octets.hex()
    for shift in range(3):  # as a part of a longer base64 text
        text = base64.b64encode(bytes(shift) + octets).decode()
        yield text[4 if shift else 0 : len(text) - 4]


def _secret_octets() -> Iterator[bytes]:
    yield PASSWORD.encode()
    yield TOKEN.encode()
    for hash_name in ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3_512"):
        client_keys = sasl.ScramClientKeys.derive(
            PASSWORD, hash_name, iterations=accounts.ITERATIONS, salt=accounts.SALT
        )
        yield client_keys.client_key
        yield client_keys.stored_key
        yield client_keys.server_key
    yield from _older_secrets()


def _older_secrets() -> Iterator[bytes]:
    """Yield what DIGEST-MD5 and NTLM derive from the password."""
    entry = accounts.TABLE["DIGEST-MD5"]
    secret = digest_math.secret(accounts.USER, accounts.HOST, PASSWORD)
    nonces = entry.server_nonce or b"", entry.client_nonce or b""
    uri = f"imap/{accounts.HOST}".encode()
    yield secret
    yield digest_math.digests(secret, *nonces, None, b"auth", uri)[0]
    yield ntlm_math.ntowf_v1(PASSWORD)


SECRETS = tuple(
    {form for octets in _secret_octets() for form in _forms(octets) if len(form) >= 4}
)


def leaks(text: str) -> list[str]:
    """Return the secrets that a text shows."""
    return [secret for secret in SECRETS if secret in text]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that hangs on it, shown or not."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def frames(traceback: TracebackType | None) -> Iterator[Any]:
    """Yield the frames of a traceback that are the library's."""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_filename.startswith(str(PACKAGE)):
            yield frame
        traceback = traceback.tb_next


def shown(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield all that a log or a debugger shows of an error: where, and what.

    Left out are the parameters of the outermost frame of the library: the caller's own
    frame shows the same objects.
    """
    for each in chain(error):
        name = type(each).__name__
        yield f"{name} text", f"{each} {each!r} {each.args!r} {vars(each)!r}"
        yield f"{name} object", repr(getattr(each, "object", None))
        for depth, frame in enumerate(frames(each.__traceback__)):
            given = () if depth else _parameters(frame)
            for variable, value in frame.f_locals.items():
                if variable not in given:
                    yield f"{frame.f_code.co_qualname}: {variable}", _safe_repr(value)


def _parameters(frame: Any) -> tuple[str, ...]:
    code = frame.f_code
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except AttributeError:  # an object that is not built yet
        return ""
