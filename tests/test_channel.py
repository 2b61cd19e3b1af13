"""Channel and ChannelBinding: facts, and the rules of each binding type."""

from __future__ import annotations

import copy
import unittest
from typing import Any

import sasl_core as sasl

from .test_end_point import certificate

_EXPORTED = bytes(range(32))
_CERTIFICATE = certificate("1.2.840.113549.1.1.11")
_ED25519 = certificate("1.3.101.112")


class BindingTest(unittest.TestCase):
    """One value for each type."""

    def test_names(self) -> None:
        """RFC 5801's grammar: letters, digits, "." and "-"."""
        for name in ("tls-unique", "X.509-thing", "a"):
            self.assertEqual(sasl.ChannelBinding(name, b"x").type, name)
        for name in ("", "tls unique", "a,b", "a=b", "tls_unique", "\xe9", "\ud800"):
            with self.subTest(ascii(name)), self.assertRaises(ValueError):
                sasl.ChannelBinding(name, b"x")

    def test_data(self) -> None:
        """Octets, and nothing else."""
        for data in ("text", None):
            with self.subTest(repr(data)), self.assertRaises(TypeError):
                sasl.ChannelBinding("tls-unique", data)

    def test_no_data(self) -> None:
        """A binding that could not be had binds nothing: no -PLUS on either side."""
        empty = sasl.ChannelBinding("tls-exporter", b"")
        channel = sasl.Channel(encrypted=True, bindings=[empty])
        self.assertEqual(channel.bindings, ())
        name, mine = "SCRAM-SHA-256-PLUS", sasl.Credentials("user", "pencil")
        self.assertNotIn(name, sasl.offer(channel=channel))
        with self.assertRaises(sasl.NoMechanism):
            sasl.server(name, channel=channel)
        with self.assertRaises(sasl.NoMechanism):
            sasl.client(name, mine, channel=channel)
        one = sasl.client(
            [name, "SCRAM-SHA-256"], mine, channel=channel, profile=sasl.profiles.RAW
        )
        self.assertTrue(one.start().startswith(b"n,,"))

    def test_tls_exporter(self) -> None:
        """32 octets; below TLS 1.3 only with the extended master secret (RFC 9266)."""
        make = sasl.ChannelBinding.tls_exporter
        binding = make(_EXPORTED, version="TLSv1.3")
        self.assertEqual(binding, sasl.ChannelBinding("tls-exporter", _EXPORTED))
        for octets, version in (
            (_EXPORTED[:-1], "TLSv1.3"),
            (_EXPORTED + b"\0", "TLSv1.3"),
            (_EXPORTED, "TLSv1.2"),
        ):
            with self.assertRaises(ValueError):
                make(octets, version=version)
        make(_EXPORTED, version="TLSv1.2", extended_master_secret=True)

    def test_tls_unique(self) -> None:
        """Not on TLS 1.3."""
        make = sasl.ChannelBinding.tls_unique
        self.assertEqual(make(b"x", version="TLSv1.2").type, "tls-unique")
        with self.assertRaises(ValueError):
            make(b"x", version="TLSv1.3")


class ChannelTest(unittest.TestCase):
    """The facts about a connection."""

    def test_the_caller_must_say_whether_it_is_encrypted(self) -> None:
        """There is no default."""
        with self.assertRaises(TypeError):
            sasl.Channel()

    def test_it_is_a_value(self) -> None:
        """Immutable, equal by its fields, its own copy; bindings become a tuple."""
        binding = sasl.ChannelBinding("tls-unique", b"x")
        channel = sasl.Channel(True, host="h", bindings=iter([binding]))
        self.assertEqual(channel.bindings, (binding,))
        self.assertEqual(channel, sasl.Channel(True, host="h", bindings=[binding]))
        self.assertNotEqual(channel, sasl.Channel(True, host="h"))
        self.assertIs(copy.deepcopy(channel), channel)
        with self.assertRaises(AttributeError):
            channel.encrypted = False


class _TLS:
    """Stand in for an ssl.SSLObject."""

    def __init__(
        self, version: str | None, *, server_side: bool = False, peer: Any = None
    ) -> None:
        self._version, self.server_side, self._peer = version, server_side, peer

    def version(self) -> str | None:
        return self._version

    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes | None:
        return b"finished" if cb_type == "tls-unique" else None

    def getpeercert(self, binary_form: bool = False) -> Any:
        return self._peer if binary_form else {}


class FromSSLTest(unittest.TestCase):
    """What is read off a TLS object."""

    def types(self, tls: _TLS, **more: Any) -> list[str]:
        """Return the types of the bindings, in order of preference."""
        channel = sasl.Channel.from_ssl(tls, **more)
        self.assertTrue(channel.encrypted)
        self.assertIsNone(channel.external)
        return [binding.type for binding in channel.bindings]

    def test_clients(self) -> None:
        """tls-unique before TLS 1.3; the server's certificate in both."""
        old = _TLS("TLSv1.2", peer=_CERTIFICATE)
        new = _TLS("TLSv1.3", peer=_CERTIFICATE)
        self.assertEqual(self.types(old), ["tls-unique", "tls-server-end-point"])
        self.assertEqual(self.types(new), ["tls-server-end-point"])
        self.assertEqual(
            self.types(new, exporter=_EXPORTED),
            ["tls-exporter", "tls-server-end-point"],
        )

    def test_servers(self) -> None:
        """The client's certificate is never taken for the server's."""
        tls = _TLS("TLSv1.3", server_side=True, peer=_CERTIFICATE)
        self.assertEqual(self.types(tls), [])
        channel = sasl.Channel.from_ssl(tls, certificate=_ED25519[:-1] + b"x")
        self.assertEqual(channel.bindings, ())
        self.assertEqual(
            self.types(tls, certificate=_CERTIFICATE), ["tls-server-end-point"]
        )

    def test_a_certificate_without_a_binding(self) -> None:
        """Ed25519: one binding less, nothing wrong."""
        tls = _TLS("TLSv1.2", peer=_ED25519)
        self.assertEqual(self.types(tls), ["tls-unique"])
        self.assertEqual(self.types(_TLS("TLSv1.3")), [])

    def test_before_the_handshake(self) -> None:
        """Nothing is known: a ValueError."""
        with self.assertRaises(ValueError):
            sasl.Channel.from_ssl(_TLS(None))
        # What a connection in the clear gives for its TLS object.
        with self.assertRaisesRegex(TypeError, "NoneType is no TLS"):
            sasl.Channel.from_ssl(None)

    def test_the_other_facts_are_passed_on(self) -> None:
        """Service, host, port, external and remote."""
        channel = sasl.Channel.from_ssl(
            _TLS("TLSv1.3"),
            service="imap",
            host="h",
            port=993,
            external="user",
            remote="192.0.2.1",
        )
        expected = sasl.Channel(
            True,
            service="imap",
            host="h",
            port=993,
            external="user",
            remote="192.0.2.1",
        )
        self.assertEqual(channel, expected)


if __name__ == "__main__":
    unittest.main()
