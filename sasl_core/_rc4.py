"""RC4: what DIGEST-MD5 and NTLM encrypt with, and what Python's hashlib has not.

It is broken (RFC 7465), and here because nothing else is defined for them.
"""

from __future__ import annotations


class RC4:
    """One direction of a connection: the key stream goes on from call to call."""

    __slots__ = ("_i", "_j", "_state")

    def __init__(self, key: bytes) -> None:
        if not 1 <= len(key) <= 256:
            raise ValueError("a key of RC4 has 1 to 256 octets")
        self._i = self._j = 0
        self._state = state = list(range(256))
        j, size = 0, len(key)
        for i in range(256):
            old = state[i]
            j = (j + old + key[i % size]) & 255
            state[i], state[j] = state[j], old

    def update(self, data: bytes, /) -> bytes:
        """Return the data encrypted, or decrypted: it is the same."""
        i, j, state = self._i, self._j, self._state
        stream = bytearray(len(data))
        for at in range(len(data)):
            i = (i + 1) & 255
            one = state[i]
            j = (j + one) & 255
            other = state[j]
            state[i], state[j] = other, one
            stream[at] = state[(one + other) & 255]
        self._i, self._j = i, j
        mixed = int.from_bytes(stream) ^ int.from_bytes(data)
        return mixed.to_bytes(len(data))
