"""The layers after GSSAPI and GSS-SPNEGO: what is agreed upon, and what they do."""

from __future__ import annotations

import copy
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _gss_messages as messages

from .. import _gss as gss
from . import _both as both
from .test_gssapi import ALL, NAMES, exchange


class LayerTest(unittest.TestCase):
    """What is agreed upon, and what it does."""

    def test_every_layer(self) -> None:
        for name in NAMES:
            for layer in ALL:
                client, event = exchange(name, layers=(layer,))
                client.finish(event.data)
                with self.subTest(name, layer=layer):
                    if layer == "none":
                        self.assertIsNone(event.layer)
                        self.assertIsNone(client.layer)
                        continue
                    encrypts = layer == "confidentiality"
                    # Nobody tells in GSS-SPNEGO: what might come is taken, and what
                    # is sent is what anybody takes.
                    most = 65536 if name == "GSSAPI" else 0xFFFFFF
                    sent = 65536 if name == "GSSAPI" else 4096
                    for side in (client.layer, event.layer):
                        self.assertLess(sent - 64, side.send_size)
                        self.assertLess(side.send_size, sent)
                    self.assertEqual(client.layer.receive_size, most)
                    self.assertEqual(event.layer.receive_size, most)
                    for one, other in (
                        (client.layer, event.layer),
                        (event.layer, client.layer),
                    ):
                        self.assertEqual(one.confidential, encrypts)
                        for size in (1, 10, 200_000):
                            data = b"x" * size
                            sealed = one.wrap(data)
                            self.assertEqual(other.unwrap(sealed), data)
                            self.assertEqual(
                                b"xxxx" in sealed[:20], not encrypts and size > 4
                            )

    def test_the_client_prefers(self) -> None:
        """By its own order, of what is on offer."""
        for mine, theirs, expected in (
            (ALL, ALL, True),
            (("integrity", "confidentiality"), ALL, False),
            (ALL, ("integrity", "none"), False),
            (("none", "confidentiality"), ALL, None),
        ):
            client, event = exchange(layers=mine, server_layers=theirs)
            client.finish()
            made = event.layer
            self.assertEqual(made and made.confidential, expected)

    def test_nothing_in_common(self) -> None:
        with self.assertRaisesRegex(sasl.ProtocolError, "no security layer"):
            exchange(layers=("integrity",), server_layers=("none",))

    def test_a_context_without_protection(self) -> None:
        """It is no better for what a policy asks of it."""

        class Weak(gss.Maker):
            def __call__(self, target: str, **terms: Any) -> gss.Context:
                return super().__call__(target, **terms | {"layers": ()})

        for name in NAMES:
            _, event = exchange(
                name, Weak("user", "pencil"), None, ("confidentiality",)
            )
            self.assertIs(event.reason, sasl.Reason.TOO_WEAK)
        _, event = exchange("GSSAPI", Weak("user", "pencil"), None, ALL)
        self.assertIsNone(event.layer)
        self.check_offers(Weak("user", "pencil"))

    def check_offers(self, weak: gss.Maker) -> None:
        """Nor is more offered, nor taken of what is on offer."""
        server = both.server("GSSAPI", layers=ALL)
        context = weak("imap@h", mechanism=messages.KERBEROS, bindings=None, layers=())
        request: Any = server.start(context.step())
        context.step(request.answer(gss.acceptor(request, "pencil")).data)
        offer: Any = server.step(b"")
        self.assertEqual(context.unwrap(offer.data).message, b"\1\0\0\0")
        client = both.client("GSSAPI", {"gss": weak}, layers=ALL)
        context = gss.Context(False, "pencil", oid=messages.der(messages.KERBEROS))
        client.step(context.step(client.start()))
        wrapped = context.wrap(messages.write(ALL, 4096), False).message
        choice = context.unwrap(client.step(wrapped)).message
        self.assertEqual(choice, b"\1\0\0\0")

    def test_more_than_the_policy_names(self) -> None:
        """GSS-SPNEGO's flags are the layer: neither side puts on another one."""
        strong = gss.Maker("user", "pencil", gss.MUTUAL | gss.INTEGRITY)
        client, event = exchange("GSS-SPNEGO", strong)
        self.assertIs(event.reason, sasl.Reason.TOO_WEAK)
        client, event = exchange("GSS-SPNEGO", strong, None, ("none",), ALL)
        self.assertFalse(event.layer.confidential)
        with self.assertRaises(sasl.ServerNotAuthenticated):
            client.finish(event.data)

    def test_a_small_buffer(self) -> None:
        """A peer whose buffer has no room for an octet is refused by both sides."""
        maker = gss.Maker("user", "pencil")
        for size, fits in ((9, False), (10, True)):
            client = both.client("GSSAPI", {"gss": maker}, layers=("integrity",))
            context = gss.Context(False, "pencil", oid=messages.der(messages.KERBEROS))
            client.step(context.step(client.start()))
            offer = context.wrap(messages.write(["integrity"], size), False).message
            if fits:
                client.step(offer)
                client.finish()
                self.assertEqual(client.layer.send_size, 1)
                self.assertEqual(len(client.layer.wrap(b"xy")), 2 * (4 + size))
            else:
                with self.assertRaisesRegex(sasl.ProtocolError, "no room"):
                    client.step(offer)

    def test_a_broken_buffer_ends_the_layer(self) -> None:
        """Changed, repeated, left out, or not encrypted."""
        client, event = exchange(layers=("confidentiality",))
        client.finish()
        sealed = client.layer.wrap(b"hello")
        plain = sealed[:4] + b"\0" + b"hello" + sealed[-8:]
        other = client.layer.wrap(b"world")
        for wrong in (sealed[:-1] + b"x", other, plain, b"\0\0\0\0"):
            layer = copy.deepcopy(event.layer)
            with self.subTest(wrong), self.assertRaises(sasl.ProtocolError) as caught:
                layer.unwrap(wrong)
            self.assertNotIn("hello", str(caught.exception))
            self.assertEqual("empty" in str(caught.exception), wrong == bytes(4))
            with self.assertRaises(sasl.StateError):
                layer.wrap(b"x")
        event.layer.unwrap(sealed)
        with self.assertRaises(sasl.ProtocolError):
            event.layer.unwrap(sealed)

    def test_a_context_that_ends(self) -> None:
        """Or that stops to encrypt: nothing more goes out."""
        for change in ("wrap", "actual_flags"):
            client, _ = exchange(layers=("confidentiality",))
            client.finish()
            context = client.layer._context._context
            setattr(context, change, 0)
            with self.assertRaisesRegex(sasl.StateError, "context"):
                client.layer.wrap(b"secret")
            self.assertTrue(client.layer.closed)


if __name__ == "__main__":
    unittest.main()
