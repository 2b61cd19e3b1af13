"""Every parser is linear: eight times the input is not sixty-four times the work."""

from __future__ import annotations

import contextlib
import time
import unittest
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core._saslprep import saslprep
from sasl_core.mechanisms._digest_messages import _directives

from . import _accounts as accounts
from ._points import Point, is_sibling, points_of

_SMALL, _LARGE = 1 << 15, 1 << 18
# Linear work on 256 KB takes milliseconds, and quadratic work seconds; only what needs
# longer is measured in detail.
_PLENTY = 0.25
_RATIO = 3 * _LARGE / _SMALL

_FILLS = (b",", b"=", b"\0", b"\x01", b"a", b" ", b"a=b,", b"=2C", b"=3D", b'"', b"\\")
_FILLS += (b"[", b"{", b"0", b"9", b"\xff", b"@", b",p=", b",r=", b"a=b\x01", b'{"a":')
_FILLS += (b"\xcc\x81", b"a\xcc\x81", b"\xc2\xad", b"\xd7\x90", b"\xf0\x9f\x98\x80")


def seconds(call: Callable[[], Any]) -> float:
    """Return the best of three times of a call, which may fail by SASLError."""
    best = float("inf")
    for _ in range(3):
        before = time.perf_counter()
        with contextlib.suppress(sasl.SASLError):
            call()
        best = min(best, time.perf_counter() - before)
        if best < _PLENTY:
            break
    return best


def points() -> Iterator[Point]:
    """Yield one waiting point of each record that parses octets."""
    for name in accounts.NAMES:
        if is_sibling(name):
            continue
        for point in points_of(name, profiles.RAW):
            octets = bool(point.honest) and isinstance(point.honest[0], bytes)
            if octets and not isinstance(point.waiting, sasl.Request):
                yield point


def shapes(honest: bytes) -> Iterator[Callable[[int], bytes]]:
    """Yield functions of a size: each fill alone, after a valid message, and inside it."""
    middle = len(honest) // 2
    for fill in _FILLS:
        for head, tail in (
            (b"", b""),
            (honest, b""),
            (honest[:middle], honest[middle:]),
        ):
            yield lambda size, f=fill, h=head, t=tail: h + f * (size // len(f)) + t


class GrowthTest(unittest.TestCase):
    """Nasty shapes of 256 KB at every waiting point, with a limit that lets them in."""

    def assert_linear(self, work: Callable[[bytes], Any], shape: Any) -> None:
        """Check that a message is read in no time, or in linear time."""
        large = shape(_LARGE)
        taken = seconds(lambda: work(large))
        if taken < _PLENTY:
            return
        small = shape(_SMALL)
        self.assertLess(taken / seconds(lambda: work(small)), _RATIO)

    def test_the_check_can_fail(self) -> None:
        """Quadratic work is noticed."""

        def quadratic(message: bytes) -> None:
            for _ in range((len(message) >> 8) ** 2):
                pass

        with (
            mock.patch(f"{__name__}._PLENTY", 0),
            self.assertRaises(AssertionError),
        ):
            self.assert_linear(quadratic, bytes)

    def test_every_waiting_point(self) -> None:
        """Whatever the mechanism does with a message, it does not do it in a loop."""
        limit = sasl.Policy(max_message=2 * _LARGE, allow=accounts.NAMES)
        for point in points():
            waiting = point.waiting
            waiting.policy = limit

            def work(message: bytes, point: Point = point) -> None:
                getattr(point.copy(), point.method)(message)

            with self.subTest(str(point)):
                for shape in shapes(point.honest[0]):
                    self.assert_linear(work, shape)

    def test_framings(self) -> None:
        """Base64 of every kind, right and wrong."""
        for fill in (b"A", b"=", b"AAA=", b"\n", b" ", b"*", b"\xff"):
            self.assert_linear(
                _decode, lambda size, fill=fill: fill * (size // len(fill))
            )

    def test_saslprep(self) -> None:
        """What needs normalizing is short; what does not is passed at once."""
        for char in ("a", "\N{COMBINING ACUTE ACCENT}", "\N{SOFT HYPHEN}", "\ufdfa"):
            self.assert_linear(_prepare, lambda size, char=char: char * size)

    def test_directives(self) -> None:
        """DIGEST-MD5's, for whose messages RFC 2831 has limits that hide it."""
        for head in (b"", b'a="', b"a=b,", b"a="):
            for fill in (b"a", b" ", b"\r\n ", b'"', b"\\a", b"a,"):
                self.assert_linear(
                    lambda text: _quiet(
                        lambda: _directives(text, 1 << 30, frozenset())
                    ),
                    lambda size, head=head, fill=fill: (
                        head + fill * (size // len(fill))
                    ),
                )

    def test_stored_keys(self) -> None:
        """The reader of stored records."""
        for fill in ("$", ",", "{", ":", "A", "SCRAM-SHA-256$"):
            self.assert_linear(_parse, lambda size, fill=fill: fill * size)

    def test_certificates(self) -> None:
        """The reader of DER."""
        for head in (b"\x30\x84\x00\x04\x00\x00" * 2, b"\x30\x80", b"\x30\x82\xff\xff"):
            self.assert_linear(
                _end_point, lambda size, head=head: head + b"\x30\x06" * (size // 2)
            )


def _quiet(call: Callable[[], Any]) -> None:
    with contextlib.suppress(ValueError):
        call()


def _decode(text: bytes) -> None:
    _quiet(lambda: profiles.BASE64.decode(text))


def _prepare(text: str) -> None:
    _quiet(lambda: saslprep(text))


def _parse(text: str) -> None:
    _quiet(lambda: sasl.ScramKeys.parse(text))


def _end_point(data: bytes) -> None:
    _quiet(lambda: sasl.ChannelBinding.tls_server_end_point(data))


if __name__ == "__main__":
    unittest.main()
