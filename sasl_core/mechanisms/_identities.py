"""The identities and passwords that every mechanism reads, prepared in one way."""

from __future__ import annotations

from .._saslprep import PrepError, saslprep
from .._strict import Malformed, encoded, utf8
from .._values import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._policy import Policy
    from .._states import Terms
    from .._values import Credentials


MAX_NAME = 1024  # octets; SMTP's longest address has 254
MAX_PASSWORD = 4096  # so that nobody can make a server hash a megabyte


def read_password(octets: bytes, policy: Policy) -> str:
    """Read a password; raise Malformed as `read` does."""
    return read(octets, "password", policy, limit=MAX_PASSWORD)


def write_password(text: str | None) -> bytes:
    """Encode our own password, which may hold the end of a line; raise Malformed."""
    return write(text or "", "password", forbidden="\0")


def read(
    octets: bytes,
    what: str,
    policy: Policy,
    *,
    stored: bool = False,
    limit: int = MAX_NAME,
) -> str:
    """Decode and prepare what a client sent; raise Malformed, also where nothing is left.

    `what` names it in the error. NUL, CR and LF never pass, prepared or not.
    """
    if len(octets) > limit:
        raise Malformed(f"the {what} is longer than {limit} octets")
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


def write(text: str, what: str, forbidden: str = "\0\r\n") -> bytes:
    """Encode one of our own, as it is; raise Malformed where none could read it."""
    if text and text.isascii() and text.isprintable():
        return text.encode("ascii")
    if not text:
        raise Malformed(f"the {what} is empty")
    if not set(forbidden).isdisjoint(text):
        raise Malformed(f"the {what} holds a NUL, or the end of a line")
    try:
        return encoded(text)
    except ValueError as error:
        problem = str(error)
    raise Malformed(f"the {what} cannot be sent: {problem}")


def read_pair(octets: bytes, policy: Policy) -> Identity:
    """Read `authcid [NUL authzid]`, by which a client of Atheme's mechanisms begins."""
    name, _, wanted = octets.partition(b"\0")
    username = read(name, "user name", policy)
    # WeeChat names the account twice; an empty authzid is none, as in PLAIN.
    return Identity(username, read(wanted, "authzid", policy) if wanted else "")


def write_pair(credentials: Credentials) -> bytes:
    """Write what `read_pair` reads; raise Malformed."""
    pair = write(credentials.username, "user name")
    if credentials.authzid:
        pair += b"\0" + write(credentials.authzid, "authzid")
    return pair


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


def realms(terms: Terms) -> tuple[str, ...]:
    """Return the server's realms: its host, unless it was told of others. An empty one
    is none: curl gives up where it sees DIGEST-MD5's realm="", which Dovecot sends.
    """
    realm = terms.realm
    if realm is None:
        realm = terms.channel.host
    if isinstance(realm, str):
        return (realm,) if realm else ()
    return realm
