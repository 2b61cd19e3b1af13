"""How tests are made of vectors: one method for each vector and each way to run it."""

from __future__ import annotations

import unittest
from base64 import b64decode
from functools import cache
from typing import TYPE_CHECKING, Any

import sasl_core as sasl

from ._data import add_test, method_name, vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

# Not run at all.
LEFT_OUT = {
    f"registry-{name}": "a mechanism that is not in the registry"
    for name in (
        "skey",
        "kerberos-v4",
        "spnego",
        "9798-u-rsa-sha1-enc",
        "gs2-family",
        "xoauth",
        "ecdh-x25519-challenge",
    )
}

# file -> ids that have a test
generated: dict[str, set[str]] = {}


def vectors_of(name: str) -> Callable[[type[VectorCase]], type[VectorCase]]:
    """Give a class one method for each vector of a file and each way to run it."""

    def decorate(case: type[VectorCase]) -> type[VectorCase]:
        done = generated.setdefault(name, set())
        for vector in vectors(name):
            for way, run in case.ways(vector):
                done.add(vector["id"])
                add_test(case, method_name(vector["id"], way), _method(run, vector))
        return case

    return decorate


def _method(run: Callable[..., None], vector: Vector) -> Callable[[VectorCase], None]:
    def method(self: VectorCase) -> None:
        run(self, vector)

    return method


class VectorCase(unittest.TestCase):
    """Tests made of vectors; `ways` says how each is run."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """Return the ways to run a vector: a word for the name, a function."""
        raise NotImplementedError


def stored_keys(stored: dict[str, Any], hash_name: str) -> sasl.ScramKeys:
    """Return the keys that a vector says are stored."""
    return sasl.ScramKeys(
        hash_name,
        b64decode(stored["salt_base64"]),
        stored["iterations"],
        b64decode(stored["stored_key_base64"]),
        b64decode(stored["server_key_base64"]),
    )


@cache
def derived(
    password: str, hash_name: str, iterations: int, salt_base64: str
) -> sasl.ScramKeys:
    """Derive keys, once for all vectors that share them."""
    return sasl.ScramKeys.derive(
        password, hash_name, iterations=iterations, salt=b64decode(salt_base64)
    )
