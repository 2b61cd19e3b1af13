"""The identities and passwords that every mechanism reads, prepared in one way."""

from __future__ import annotations

from .._saslprep import PrepError, saslprep
from .._strict import Malformed, utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy


def read(octets: bytes, what: str, policy: Policy, *, stored: bool = False) -> str:
    """Decode and prepare what a client sent; raise Malformed, also where nothing is left.

    `what` names it in the error. NUL, CR and LF never pass, prepared or not.
    """
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        text = utf8(octets)  # raises, without the octets
    if text and text.isascii() and text.isprintable():
        return text
    problem = ""
    if policy.prepare:
        try:
            text = saslprep(text, stored=stored)
        except PrepError as error:
            problem = f"cannot be prepared: {error}"
    elif not {"\0", "\r", "\n"}.isdisjoint(text):
        problem = "holds a NUL, CR or LF"
    if not text:
        problem = "is empty"
    if problem:
        raise Malformed(f"the {what} {problem}")
    return text


def write(text: str, what: str) -> bytes:
    """Encode one of our own, as it is; raise Malformed where none could read it."""
    problem = "" if text else "is empty"
    if "\0" in text:
        problem = "holds a NUL"
    if problem:
        raise Malformed(f"the {what} {problem}")
    return encode(text, what)


def encode(text: str, what: str) -> bytes:
    """Encode UTF-8; raise Malformed for a lone surrogate."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass  # raised again outside: the exception holds the text
    raise Malformed(f"the {what} holds a lone surrogate (RFC 3629, section 3)")


def prepared(text: str, what: str, policy: Policy, *, stored: bool = False) -> bytes:
    """Prepare one of our own and encode it; raise Malformed."""
    if text and text.isascii() and text.isprintable():
        return text.encode("ascii")
    problem = ""
    if policy.prepare:
        try:
            text = saslprep(text, stored=stored)
        except PrepError as error:
            problem = str(error)
    if problem:
        raise Malformed(f"the {what} cannot be prepared: {problem}")
    return write(text, what)
