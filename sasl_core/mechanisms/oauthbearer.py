"""OAUTHBEARER (RFC 7628): an OAuth 2.0 bearer token.

client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep
kvpair      = key "=" value kvsep        kvsep = %x01
key         = 1*(ALPHA)                  value = *(VCHAR / SP / HTAB / CR / LF)
"""

from __future__ import annotations

from .._events import CheckToken
from .._states import ServerRecord
from .._strict import Malformed, integer
from . import _gs2 as gs2
from . import _identities as identities
from . import _oauth as oauth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

_ALLOWED = bytes(range(0x20, 0x7F)) + b"\t\r\n\x01"
_MAX_PAIRS = 32
_VISIBLE = bytes(range(0x21, 0x7F))


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    mine, channel = credentials, terms.channel
    name = mine.authzid or mine.username
    authzid = identities.prepared(name, "user name", terms.policy) if name else b""
    pairs = b""
    if channel.host:
        host = channel.host.encode("ascii", "replace")
        if not channel.host.isascii() or host.translate(None, _VISIBLE):
            raise Malformed("the channel's host is not a name in visible ASCII")
        pairs += b"host=%b\x01" % host
    if channel.port is not None:
        if not 0 < channel.port < 65536:
            raise Malformed("the channel's port is outside 1 to 65535")
        pairs += b"port=%d\x01" % channel.port
    token = oauth.write_token(mine.token)
    message = b"%b\x01%bauth=Bearer %b\x01\x01" % (
        gs2.header(b"n", authzid),
        pairs,
        token,
    )
    return message, oauth.AwaitVerdict(b"\x01")


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_MESSAGE


class _AwaitMessage(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        flag, authzid, rest = gs2.split(response)
        if flag[:1] == b"p":
            raise Malformed("OAUTHBEARER does not bind the channel")
        pairs = _pairs(rest)
        username = ""
        if authzid:
            username = identities.read(gs2.unescape(authzid), "authzid", terms.policy)
        auth = pairs.get(b"auth")
        if auth is None:
            raise Malformed("auth= is missing (RFC 7628, section 3.1)")
        # An empty auth= asks which scope is needed, and where to get it (section 4.3).
        token = oauth.read_token(auth) if auth else ""
        host = pairs.get(b"host")
        if host is not None and (not host or host.translate(None, _VISIBLE)):
            raise Malformed("host= is not a host name")
        port = pairs.get(b"port")
        return (
            CheckToken(
                token,
                username,
                None if host is None else host.decode("ascii"),
                None if port is None else integer(port, 1, 65535, "port"),
            ),
            oauth.AwaitToken(username, discovering=not token),
        )


_AWAIT_MESSAGE = _AwaitMessage()


def _pairs(rest: bytes) -> dict[bytes, bytes]:
    if rest[:1] != b"\x01" or rest[-1:] != b"\x01" or len(rest) < 2:
        raise Malformed("the pairs stand between two %x01 (RFC 7628, section 3.1)")
    if rest.translate(None, _ALLOWED):
        raise Malformed("a value has ASCII only, and no control characters")
    *fields, last = rest[1:-1].split(b"\x01", _MAX_PAIRS)
    if last:
        raise Malformed("each pair ends with %x01, and so does the message (RFC 7628)")
    pairs: dict[bytes, bytes] = {}
    for field in fields:
        key, equals, value = field.partition(b"=")
        if not equals or not key.isalpha():
            raise Malformed("a pair is letters, = and a value (RFC 7628, section 3.1)")
        if key in pairs:
            raise Malformed("a key comes twice")
        pairs[key] = value
    return pairs
