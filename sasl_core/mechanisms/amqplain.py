"""AMQPLAIN, of AMQP 0-8 and its kin: PLAIN in a table, which RabbitMQ and its clients have.

    message  = 2(name "S" size value)     ; LOGIN and PASSWORD, in any order
    name     = OCTET *OCTET               ; its length first
    size     = 4OCTET

That is a field-table of AMQP 0-9-1, section 4.2.5.5, without its length. AMQP 0-8 called
it PLAIN; PLAIN itself (RFC 4616) is what AMQP has had since.
"""

from __future__ import annotations

from .._events import CheckPassword
from .._states import SATISFIED, ServerRecord
from .._strict import Malformed
from . import _identities as identities
from .plain import AwaitVerdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

_LOGIN, _PASSWORD = b"LOGIN", b"PASSWORD"


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    fields = (
        (_LOGIN, identities.write(credentials.username, "user name")),
        (_PASSWORD, identities.write_password(credentials.password)),
    )
    message = b"".join(
        bytes([len(name)]) + name + b"S" + len(value).to_bytes(4) + value
        for name, value in fields
    )
    return message, SATISFIED


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_MESSAGE


class _AwaitMessage(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        fields = _read(response)
        username = identities.read(
            fields[_LOGIN], "user name", terms.policy, stored=True
        )
        password = identities.read_password(fields[_PASSWORD], terms.policy)
        return CheckPassword(username, password), AwaitVerdict(username)


_AWAIT_MESSAGE = _AwaitMessage()


def _read(table: bytes) -> dict[bytes, bytes]:
    """Read a table of the two fields; raise Malformed for any other."""
    fields = {}
    for _ in range(2):
        end = 1 + (table[0] if table else 0)
        name, kind = table[1:end], table[end : end + 1]
        start, size = end + 5, int.from_bytes(table[end + 1 : end + 5])
        if kind != b"S" or len(table) < start + size:
            raise Malformed("a field of a table is a name, S and a value, and whole")
        fields[name] = table[start : start + size]
        table = table[start + size :]
    if table or fields.keys() != {_LOGIN, _PASSWORD}:
        raise Malformed("AMQPLAIN's table has a LOGIN and a PASSWORD, each once")
    return fields
