"""SRP's arithmetic and buffers (draft-burdis-cat-srp-sasl-08, sections 2 to 4).

x = H(s | H(U ":" p))       v = g^x             u = H(A | B)
A = g^a                     B = k v + g^b       K = H(S)
S = (B - k g^x)^(a + u x) = (A v^u)^b           all modulo N; k is 3

M1 = H(H(N) XOR H(g) | H(U) | s | A | B | K | H(I) | H(L))
M2 = H(A | M1 | K | H(I) | H(o) | sid | ttl)

buffer = 4-octet length of what follows; in it
mpi, utf8 = 2-octet length, octets;  os = 1-octet length, octets;  uint = 4 octets
"""

from __future__ import annotations

import hashlib

from ._strict import Malformed

SIZE = 20
K = 3  # SRP-6's; SRP-6a, of RFC 5054, hashes N and g instead
G = 2
# The draft's groups, appendix A, that are large enough today: of 1536 and 2048 bits.
# Cyrus SASL's server always takes the last.
N1536 = int(
    "9DEF3CAFB939277AB1F12A8617A47BBBDBA51DF499AC4C80BEEEA9614B19CC4D5F4F5F55"
    "6E27CBDE51C6A94BE4607A291558903BA0D0F84380B655BB9A22E8DCDF028A7CEC67F0D0"
    "8134B1C8B97989149B609E0BE3BAB63D47548381DBC5B1FC764E3F4B53DD9DA1158BFD3E"
    "2B9C8CF56EDF019539349627DB2FD53D24B7C48665772E437D6C7F8CE442734AF7CCB7AE"
    "837C264AE3A9BEB87F8A2FE9B8B5292E5A021FFF5E91479E8CE7A28C2442C6F315180F93"
    "499A234DCF76E3FED135F9BB",
    16,
)
N2048 = int(
    "AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050A37329CB"
    "B4A099ED8193E0757767A13DD52312AB4B03310DCD7F48A9DA04FD50E8083969EDB767B0"
    "CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B855F97993EC975EEAA80D740A"
    "DBF4FF747359D041D5C33EA71D281E446B14773BCA97B43A23FB801676BD207A436C6481"
    "F1D2B9078717461A5B9D32E688F87748544523B524B0D57D5EA77A2775D2ECFA032CFBDB"
    "F52FB3786160279004E57AE6AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C382"
    "71AE35F8E9DBFBB694B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F"
    "9E4AFF73",
    16,
)
GROUPS = frozenset({(N1536, G), (N2048, G)})


def octets_of(number: int) -> bytes:
    """Write an integer with as few octets as it takes."""
    return number.to_bytes((number.bit_length() + 7) // 8)


def H(*parts: bytes) -> bytes:  # noqa: N802
    """Hash the parts, one after the other: SHA-1, which Cyrus SASL's server asks for."""
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).digest()


def secret(username: bytes, password: bytes, salt: bytes) -> int:
    """Return x, what the client has of the password."""
    return int.from_bytes(H(salt, H(username, b":", password)))


def verifier(x: int, modulus: int = N2048) -> int:
    """Return v, what the server has of it."""
    return pow(G, x, modulus)


def server_public(v: int, b: int, modulus: int = N2048, k: int = K) -> int:
    """Return B."""
    return (k * v + pow(G, b, modulus)) % modulus


def scrambler(a_public: bytes, b_public: bytes) -> int:
    """Return u; both as they were on the wire."""
    return int.from_bytes(H(a_public, b_public))


def client_session(
    b_public: int, x: int, a: int, u: int, modulus: int = N2048, k: int = K
) -> int:
    """Return S, on the client's side."""
    return pow(b_public - k * pow(G, x, modulus), a + u * x, modulus)


def server_session(a_public: int, v: int, u: int, b: int, modulus: int = N2048) -> int:
    """Return S, on the server's side."""
    return pow(a_public * pow(v, u, modulus), b, modulus)


def client_proof(
    modulus: int,
    names: tuple[bytes, bytes],
    salt: bytes,
    publics: tuple[bytes, bytes],
    key: bytes,
    offered: bytes,
) -> bytes:
    """Return M1, of authcid and authzid, A and B, K, and the server's options."""
    mixed = int.from_bytes(H(octets_of(modulus))) ^ int.from_bytes(H(octets_of(G)))
    authcid, authzid = names
    return H(
        mixed.to_bytes(SIZE),
        H(authcid),
        salt,
        *publics,
        key,
        H(authzid),
        H(offered),
    )


def server_proof(
    a_public: bytes,
    proof: bytes,
    key: bytes,
    authzid: bytes,
    chosen: bytes,
    session: bytes = bytes(4),
) -> bytes:
    """Return M2; `session` is sid and ttl, as they were on the wire without lengths."""
    return H(a_public, proof, key, H(authzid), H(chosen), session)


def mpi(number: int) -> bytes:
    """Write an integer of many octets."""
    return text(octets_of(number))


def text(octets: bytes) -> bytes:
    """Write a text, or an integer's octets."""
    return len(octets).to_bytes(2) + octets


def short(octets: bytes) -> bytes:
    """Write a sequence of up to 255 octets."""
    return len(octets).to_bytes(1) + octets


def buffer(*elements: bytes) -> bytes:
    """Put elements that are written already into a message."""
    content = b"".join(elements)
    return len(content).to_bytes(4) + content


class Reader:
    """Take the elements out of a message; raise Malformed."""

    def __init__(self, message: bytes) -> None:
        if int.from_bytes(message[:4]) != len(message) - 4:
            raise Malformed("a buffer is not as long as its length says (draft, 3)")
        self._message = message
        self._at = 4

    def take(self, size: int) -> bytes:
        """Return so many octets."""
        end = self._at + size
        if end > len(self._message):
            raise Malformed("an element is longer than its buffer (draft, section 3)")
        found = self._message[self._at : end]
        self._at = end
        return found

    def text(self) -> bytes:
        """Return a text's octets, or those of an integer."""
        return self.take(int.from_bytes(self.take(2)))

    def mpi(self, what: str) -> bytes:
        """Return an integer's octets, which begin with none that is 0."""
        octets = self.text()
        if not octets or not octets[0]:
            raise Malformed(f"{what} is 0, or has a leading zero octet")
        return octets

    def short(self) -> bytes:
        """Return a sequence of octets."""
        return self.take(self.take(1)[0])

    def end(self) -> None:
        """Raise Malformed unless all was taken."""
        if self._at != len(self._message):
            raise Malformed("a buffer has more elements than its message (draft, 4)")
