"""DES and two-key Triple DES in CBC mode (FIPS 46-3), for tests: slow, in plain Python.

`MAKERS` is what a program passes as `Policy.ciphers`; real ones take `cryptography`'s.
"""

from __future__ import annotations

from typing import Any

_IP = tuple(
    start - 8 * row for start in (58, 60, 62, 64, 57, 59, 61, 63) for row in range(8)
)
_FP = tuple(_IP.index(place) + 1 for place in range(1, 65))
_E = tuple((4 * row + column - 1) % 32 + 1 for row in range(8) for column in range(6))
_SHIFTS = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)


def _table(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split())


_P = _table(
    "16 7 20 21 29 12 28 17 1 15 23 26 5 18 31 10"
    " 2 8 24 14 32 27 3 9 19 13 30 6 22 11 4 25"
)
_PC1 = _table(
    "57 49 41 33 25 17 9 1 58 50 42 34 26 18 10 2 59 51 43 35 27 19 11 3 60 52 44 36"
    " 63 55 47 39 31 23 15 7 62 54 46 38 30 22 14 6 61 53 45 37 29 21 13 5 28 20 12 4"
)
_PC2 = _table(
    "14 17 11 24 1 5 3 28 15 6 21 10 23 19 12 4 26 8 16 7 27 20 13 2"
    " 41 52 31 37 47 55 30 40 51 45 33 48 44 49 39 56 34 53 46 42 50 36 29 32"
)
# Of each S-box the four rows, one after the other.
_S = tuple(
    bytes(int(digit, 16) for digit in rows.replace(" ", ""))
    for rows in (
        "e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d",
        "f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9",
        "a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c",
        "7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e",
        "2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453",
        "c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d",
        "4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c",
        "d2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b",
    )
)


def _permuted(value: int, size: int, table: tuple[int, ...]) -> int:
    result = 0
    for place in table:
        result = result << 1 | value >> (size - place) & 1
    return result


def _schedule(key: bytes) -> list[int]:
    halves = _permuted(int.from_bytes(key), 64, _PC1)
    left, right, keys = halves >> 28, halves & 0xFFFFFFF, []
    for shift in _SHIFTS:
        left = (left << shift | left >> (28 - shift)) & 0xFFFFFFF
        right = (right << shift | right >> (28 - shift)) & 0xFFFFFFF
        keys.append(_permuted(left << 28 | right, 56, _PC2))
    return keys


def _mixed(half: int, key: int) -> int:
    wide, result = _permuted(half, 32, _E) ^ key, 0
    for box in range(8):
        six = wide >> (42 - 6 * box) & 63
        row = six >> 4 & 2 | six & 1
        result = result << 4 | _S[box][16 * row + (six >> 1 & 15)]
    return _permuted(result, 32, _P)


def _block(block: int, keys: list[int]) -> int:
    both = _permuted(block, 64, _IP)
    left, right = both >> 32, both & 0xFFFFFFFF
    for key in keys:
        left, right = right, left ^ _mixed(right, key)
    return _permuted(right << 32 | left, 64, _FP)


class CBC:
    """One direction; a key of 16 octets is that of encrypt, decrypt, encrypt."""

    def __init__(self, key: bytes, iv: bytes, *, encrypt: bool) -> None:
        one = _schedule(key[:8])
        self._rounds = [one if encrypt else one[::-1]]
        if len(key) == 16:
            other = _schedule(key[8:])
            self._rounds += [other[::-1] if encrypt else other, self._rounds[0]]
        self._previous = int.from_bytes(iv)
        self._encrypt = encrypt

    def update(self, data: bytes, /) -> bytes:
        """Return whole blocks encrypted or decrypted."""
        result = b""
        for at in range(0, len(data), 8):
            block = given = int.from_bytes(data[at : at + 8])
            if self._encrypt:
                block ^= self._previous
            for keys in self._rounds:
                block = _block(block, keys)
            if not self._encrypt:
                block ^= self._previous
            self._previous = block if self._encrypt else given
            result += block.to_bytes(8)
        return result


MAKERS: dict[str, Any] = {
    "3des": CBC,
    "rc4": None,
    "des": CBC,
    "rc4-56": None,
    "rc4-40": None,
}
