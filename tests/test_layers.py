"""Security layers: framing, limits and ends, whatever protects the data; RC4."""

from __future__ import annotations

import copy
import pickle
import unittest

import sasl_core as sasl
from sasl_core._rc4 import RC4
from sasl_core._strict import Malformed
from sasl_core.layers import Layer


class Toy(Layer):
    """A layer that puts a mark behind the data, and refuses a buffer without it."""

    __slots__ = ()

    def _seal(self, data: bytes) -> bytes:
        if data == b"interrupt":
            raise KeyboardInterrupt
        return data[::-1] + b"!"

    def _open(self, sealed: bytes) -> bytes:
        if sealed == b"interrupt":
            raise KeyboardInterrupt
        if sealed[-1:] != b"!":
            raise Malformed("no mark")
        return sealed[-2::-1]


def toy(send_size: int = 100, receive_size: int = 100) -> Toy:
    """Make a layer with small buffers."""
    return Toy(confidential=False, send_size=send_size, receive_size=receive_size)


class WrapTest(unittest.TestCase):
    """Data in, buffers out."""

    def test_one_buffer(self) -> None:
        """Its length, then what is protected (RFC 4422, section 3.7)."""
        self.assertEqual(toy().wrap(b"abc"), b"\0\0\0\4cba!")

    def test_no_data_is_no_buffer(self) -> None:
        """An empty buffer would say that there is something to say."""
        self.assertEqual(toy().wrap(b""), b"")

    def test_long_data_is_cut(self) -> None:
        """No buffer holds more than the peer can take."""
        self.assertEqual(
            toy(send_size=2).wrap(b"abcde"), b"\0\0\0\3ba!\0\0\0\3dc!\0\0\0\2e!"
        )

    def test_an_interrupt_is_the_end(self) -> None:
        """What was sealed and not sent, the peer would miss."""
        layer = toy(send_size=9)
        with self.assertRaises(KeyboardInterrupt):
            layer.wrap(b"some data" + b"interrupt")
        self.assertTrue(layer.closed)
        with self.assertRaises(sasl.StateError):
            layer.wrap(b"x")

    def test_sizes(self) -> None:
        """A layer through which nothing would pass is not made."""
        for sizes in ((0, 1), (1, 0), (-1, 1)):
            with self.subTest(sizes), self.assertRaises(ValueError):
                toy(*sizes)
        self.assertEqual(toy(1, 1).unwrap(b"\0\0\0\1!"), b"")


class UnwrapTest(unittest.TestCase):
    """Buffers in, in whatever pieces; data out."""

    def test_pieces(self) -> None:
        """Where the connection cuts makes no difference."""
        octets = toy(send_size=3).wrap(b"abcdefgh")
        for size in range(1, len(octets) + 1):
            layer = toy()
            pieces = (octets[at : at + size] for at in range(0, len(octets), size))
            with self.subTest(size):
                self.assertEqual(b"".join(map(layer.unwrap, pieces)), b"abcdefgh")
                self.assertFalse(layer.pending)

    def test_pending(self) -> None:
        """An end in the middle of a buffer shows."""
        layer = toy()
        self.assertEqual(layer.unwrap(b"\0\0\0\2a!\0\0"), b"a")
        self.assertTrue(layer.pending)

    def test_too_long(self) -> None:
        """The length alone is enough to refuse: nothing is waited for, or kept."""
        for length in (b"\0\0\0\x65", b"\xff\xff\xff\xff", b"GET "):
            layer = toy()
            with self.subTest(length), self.assertRaises(sasl.ProtocolError):
                layer.unwrap(length)
            self.assertTrue(layer.closed)
            self.assertFalse(layer.pending)
        self.assertEqual(toy().unwrap(b"\0\0\0\x64" + b"a" * 99 + b"!"), b"a" * 99)

    def test_a_changed_buffer_is_the_end(self) -> None:
        """In both directions, even for what came whole before."""
        layer = toy()
        with self.assertRaisesRegex(sasl.ProtocolError, "no mark") as caught:
            layer.unwrap(b"\0\0\0\2a!\0\0\0\1b")
        self.assertIsNone(caught.exception.__context__)
        for call in (layer.wrap, layer.unwrap):
            with self.assertRaises(sasl.StateError):
                call(b"")

    def test_an_interrupt_is_the_end(self) -> None:
        """Nobody knows what was taken and what was not."""
        layer = toy()
        with self.assertRaises(KeyboardInterrupt):
            layer.unwrap(b"\0\0\0\x09interrupt")
        self.assertTrue(layer.closed)

    def test_many_buffers_at_once(self) -> None:
        """Linear: a megabyte of the smallest ones is no trouble."""
        octets = toy(send_size=1).wrap(b"x" * 50_000)
        self.assertEqual(toy().unwrap(octets), b"x" * 50_000)


class ValueTest(unittest.TestCase):
    """What a layer is apart from that."""

    def test_copy_and_pickle(self) -> None:
        """A copy goes its own way; a pickle would carry keys."""
        layer = toy()
        layer.unwrap(b"\0\0\0\2")
        twin = copy.deepcopy(layer)
        self.assertEqual(twin.unwrap(b"a!"), b"a")
        self.assertTrue(layer.pending)
        with self.assertRaises(TypeError):
            pickle.dumps(layer)

    def test_the_base_protects_nothing(self) -> None:
        """So it passes nothing."""
        for name, data in (("wrap", b"x"), ("unwrap", b"\0\0\0\1x")):
            base = Layer(confidential=True, send_size=9, receive_size=9)
            with self.assertRaises(TypeError):
                getattr(base, name)(data)
            self.assertTrue(base.closed)


class RC4Test(unittest.TestCase):
    """RFC 6229's streams, and the streams that everybody knows."""

    def test_known_streams(self) -> None:
        """RFC 6229, section 2, offset 0; and three keys in plain text."""
        for key, stream in (
            ("0102030405", "b2396305f03dc027ccc3524a0a1118a8"),
            ("01020304050607", "293f02d47f37c9b633f2af5285feb46b"),
            ("0102030405060708090a0b0c0d0e0f10", "9ac7cc9a609d1ef7b2932899cde41b97"),
        ):
            cipher = RC4(bytes.fromhex(key))
            self.assertEqual(cipher.update(bytes(16)).hex(), stream)
        for key, plain, sealed in (
            (b"Key", b"Plaintext", "bbf316e8d940af0ad3"),
            (b"Wiki", b"pedia", "1021bf0420"),
            (b"Secret", b"Attack at dawn", "45a01f645fc35b383552544b9bf5"),
        ):
            self.assertEqual(RC4(key).update(plain).hex(), sealed)

    def test_the_stream_goes_on(self) -> None:
        """In pieces as at once, and in a copy."""
        whole, pieces = RC4(b"Key"), RC4(b"Key")
        parts = [pieces.update(bytes(size)) for size in (0, 1, 300, 7)]
        self.assertEqual(whole.update(bytes(308)), b"".join(parts))
        self.assertEqual(copy.deepcopy(whole).update(b"abc"), pieces.update(b"abc"))

    def test_keys(self) -> None:
        """One to 256 octets."""
        for key in (b"", bytes(257)):
            with self.subTest(len(key)), self.assertRaises(ValueError):
                RC4(key)


if __name__ == "__main__":
    unittest.main()
