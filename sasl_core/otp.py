"""One-time passwords (RFC 2289): a passphrase, hashed once less for each login.

    step 0      fold(H(seed passphrase)), 64 bits; the seed in lower case
    step n      fold(H(step n-1))

Whoever has seen step n can check step n-1, but not compute it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from binascii import a2b_hex
from struct import Struct

from ._records import Secret
from ._strict import Malformed, encoded, folded, integer, must_be_octets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALGORITHMS", "OtpState", "compute", "from_words", "to_words"]

SIZE = 8
MAX_SEQUENCE = 9999  # so that nobody makes us hash all night; Cyrus SASL takes no more
_MIN_PASSPHRASE = 10  # section 6.0: of fewer characters none may be taken
_DIGITS, _LETTERS = "0123456789", "abcdefghijklmnopqrstuvwxyz"
_set = object.__setattr__
_BIG, _LITTLE = Struct(">5I"), Struct("<2I")


def _md4(octets: bytes) -> bytes:
    return _folded(_digest("md4", octets))


def _md5(octets: bytes) -> bytes:
    return _folded(hashlib.md5(octets, usedforsecurity=False).digest())


def _folded(digest: bytes) -> bytes:
    half = int.from_bytes(digest[:SIZE]) ^ int.from_bytes(digest[SIZE:])
    return half.to_bytes(SIZE)


def _sha1(octets: bytes) -> bytes:
    # Appendix A turns each word around. RFC 2444's example with sha1 does not; all of
    # RFC 2289's own do, and so do Cyrus SASL and Dovecot.
    digest = hashlib.sha1(octets, usedforsecurity=False).digest()
    a, b, c, d, e = _BIG.unpack(digest)
    return _LITTLE.pack(a ^ c ^ e, b ^ d)


# RFC 2289 has md4 too, which is broken: it can be computed, but neither side takes it.
ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {"md5": _md5, "sha1": _sha1}
_STEPS = ALGORITHMS | {"md4": _md4}


def _step(algorithm: str) -> Callable[[bytes], bytes]:
    step = _STEPS.get(algorithm)
    if step is None:
        raise Malformed("the algorithm is none of md5, sha1 and md4")
    return step


def _digest(algorithm: str, octets: bytes) -> bytes:
    if algorithm == "md4":  # which OpenSSL has given up
        from ._md4 import md4

        return md4(octets)
    return hashlib.new(algorithm, octets, usedforsecurity=False).digest()


def is_seed(text: str) -> bool:
    """Tell whether this is a seed: 1 to 16 ASCII letters and digits (section 6.0)."""
    return 0 < len(text) <= 16 and text.isascii() and text.isalnum()


def compute(
    passphrase: str, seed: str, sequence: int, algorithm: str = "sha1"
) -> bytes:
    """Return the one-time password of a sequence number: 8 octets.

    Raise ValueError for a passphrase of fewer than 10 characters, a seed that is none,
    an algorithm other than md5, sha1 and md4, and a number outside 0 to 9999.
    """
    step = _step(algorithm)
    if not is_seed(seed):
        raise ValueError("a seed is 1 to 16 letters and digits (RFC 2289, section 6.0)")
    if not 0 <= sequence <= MAX_SEQUENCE:
        raise ValueError(f"the sequence number is outside 0 to {MAX_SEQUENCE}")
    if len(passphrase) < _MIN_PASSPHRASE:
        raise ValueError(
            f"a passphrase has {_MIN_PASSPHRASE} characters at least (RFC 2289, 6.0)"
        )
    octets = step(seed.lower().encode() + encoded(passphrase))
    for _ in range(sequence):
        octets = step(octets)
    return octets


def to_words(octets: bytes) -> str:
    """Write a one-time password as six words, for people to type.

    Raise ValueError unless it has 8 octets.
    """
    from ._otp_words import WORDS

    if len(octets) != SIZE:
        raise ValueError(f"a one-time password has {SIZE} octets")
    bits = int.from_bytes(octets) << 2 | _checksum(octets)
    return " ".join(WORDS[bits >> at & 0x7FF] for at in range(55, -1, -11))


def from_words(text: str, algorithm: str = "sha1") -> bytes:
    """Read six words of the standard dictionary, in any case, or of another one.

    Every word has a number in other dictionaries: the last bits of its digest by the
    account's algorithm (section 6.0 and appendix B). Raise ValueError for more or fewer,
    and for words whose checksum is wrong.
    """
    from ._otp_words import NUMBERS

    _step(algorithm)
    words = text.split()
    if len(words) != 6:
        raise Malformed("a one-time password is six words (RFC 2289, section 6.0)")
    # Not by upper(): it makes an S of U+017F, which is a letter of another word.
    numbers = [NUMBERS.get(folded(word), -1) for word in words]
    if -1 in numbers:
        numbers = [_number(word, algorithm) for word in words]
    bits = 0
    for number in numbers:
        bits = bits << 11 | number
    octets = (bits >> 2).to_bytes(SIZE)
    if bits & 3 != _checksum(octets):
        raise Malformed("the checksum of six words is wrong (RFC 2289, section 6.0)")
    return octets


def _number(word: str, algorithm: str) -> int:
    return int.from_bytes(_digest(algorithm, encoded(word))[-2:]) & 0x7FF


def _checksum(octets: bytes) -> int:
    """Return the sum of all pairs of bits, the last two bits of it."""
    bits = int.from_bytes(octets)
    return sum(bits >> at & 3 for at in range(0, 64, 2)) & 3


class OtpState(Secret):
    """What a server stores for OTP: the last one-time password, and which one it was.

    `algorithm`: "md5" or "sha1". `sequence`: that one's number; the next login has one
    less. `seed`: 1 to 16 ASCII letters and digits. `last`: 8 octets. Each login replaces
    the state. Raise ValueError for what `compute` refuses, and md4.
    """

    __slots__ = __match_args__ = ("algorithm", "sequence", "seed", "last")
    _secret = frozenset({"last"})

    algorithm: str
    sequence: int
    seed: str
    last: bytes
    scheme = "OTP"
    mechanisms = frozenset({"OTP"})

    def __init__(self, algorithm: str, sequence: int, seed: str, last: bytes) -> None:
        must_be_octets(last)
        if algorithm not in ALGORITHMS:
            raise Malformed("the algorithm is neither md5 nor sha1")
        if not 0 <= sequence <= MAX_SEQUENCE:
            raise Malformed(f"the sequence number is outside 0 to {MAX_SEQUENCE}")
        if not is_seed(seed):
            raise Malformed("a seed is 1 to 16 letters and digits (RFC 2289, 6.0)")
        if len(last) != SIZE:
            raise Malformed(f"a one-time password has {SIZE} octets")
        _set(self, "algorithm", algorithm)
        _set(self, "sequence", sequence)
        _set(self, "seed", seed)
        _set(self, "last", last)

    @classmethod
    def derive(
        cls,
        passphrase: str,
        algorithm: str = "sha1",
        *,
        sequence: int = 500,
        seed: str | None = None,
    ) -> OtpState:
        """Compute the state of a new passphrase; `seed=None` draws a fresh one.

        Raise ValueError as `compute` does, and for md4.
        """
        if seed is None:
            seed = fresh_seed()
        last = compute(passphrase, seed, sequence, algorithm)
        return cls(algorithm, sequence, seed, last)

    def fits(self, octets: bytes) -> bool:
        """Tell whether this is the next one-time password."""
        return hmac.compare_digest(ALGORITHMS[self.algorithm](octets), self.last)

    def after(self, octets: bytes) -> OtpState:
        """Return the state once this one-time password is used up."""
        return OtpState(self.algorithm, self.sequence - 1, self.seed, octets)

    def verify(self, password: str) -> bool:
        """Tell whether it is of this passphrase."""
        try:
            mine = compute(password, self.seed, self.sequence, self.algorithm)
        except ValueError:
            return False
        return hmac.compare_digest(mine, self.last)

    def format(self) -> str:
        """Write Dovecot's {OTP}: algorithm, sequence number, seed, and the last one."""
        return f"{{OTP}}{self.algorithm} {self.sequence} {self.seed} {self.last.hex()}"

    def decoy(self) -> OtpState:
        """Return the one of nobody's passphrase; `drawn` gives it another challenge."""
        return OtpState(self.algorithm, self.sequence, self.seed, os.urandom(SIZE))

    def drawn(self, draw: int) -> OtpState:
        """Return the state of a user who does not exist, which looks like this one.

        `draw`: 64 bits; the same give the same. Where digits follow letters only, the
        letters are the server's, such as the first of its name, and stay.
        """
        draw = int.from_bytes(hashlib.sha256(draw.to_bytes(8)).digest())
        seed, alphabet = self.seed.rstrip(_DIGITS), _DIGITS
        if seed and (seed == self.seed or not seed.isalpha()):
            seed, alphabet = "", _alphabet(self.seed)
        for _ in self.seed[len(seed) :]:
            draw, at = divmod(draw, len(alphabet))
            seed += alphabet[at]
        sequence = self.sequence - draw % max(self.sequence // 2, 1)
        return OtpState(self.algorithm, sequence, seed, os.urandom(SIZE))

    @classmethod
    def read(cls, text: str) -> OtpState:
        """Read what `format` writes after the scheme; raise ValueError."""
        algorithm, number, seed, digits = text.split(" ")
        sequence = integer(number.encode(), 0, MAX_SEQUENCE, "sequence number")
        return cls(algorithm, sequence, seed, a2b_hex(digits))


def _alphabet(seed: str) -> str:
    """Return what the seeds of a server seem to be made of."""
    made = [_LETTERS, _DIGITS + _LETTERS[:6]]  # Dovecot's are hexadecimal
    for alphabet in (*made, *map(str.upper, made)):
        if set(alphabet).issuperset(seed):
            return alphabet
    return _DIGITS + (_LETTERS.upper() if seed.isupper() else _LETTERS)


# What all states are like whose application did not say: letters of no meaning.
USUAL = OtpState("sha1", 500, "ot00000000", bytes(SIZE))


def fresh_seed() -> str:
    """Return a seed that this account has hardly had before."""
    return USUAL.drawn(int.from_bytes(os.urandom(8))).seed
