"""The GS2 family: headers, what the contexts bind, and mechanisms of other OIDs."""

from __future__ import annotations

import unittest
from contextlib import ExitStack
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import mechanisms
from sasl_core.mechanisms import _gss_messages as messages
from sasl_core.mechanisms import gs2

from .. import _accounts as accounts
from .. import _gss as gss
from . import _both as both

NAMES = ("GS2-KRB5", "GS2-KRB5-PLUS")
IAKERB = "1.3.6.1.5.2.5"


def serve(name: str, message: bytes, **acceptor: Any) -> Any:
    """Give a server a first message, and a context; return the event."""
    event: Any = both.server(name).start(message)
    if isinstance(event, sasl.Request):
        event = event.answer(gss.acceptor(event, "pencil", **acceptor))
    return event


class ClientTest(unittest.TestCase):
    """What our client sends, and when it is content."""

    def test_the_first_message(self) -> None:
        """The header, then a token that has lost its own."""
        first = both.client("GS2-KRB5").start() or b""
        oid = messages.der(messages.KERBEROS)
        maker = gss.Maker("user", "pencil")
        context = maker("", mechanism=messages.KERBEROS, bindings=b"n,,", layers=())
        self.assertEqual(messages.restore(first[3:], oid), context.step())
        self.assertEqual(first[:3], b"n,,")

    def test_a_token_without_a_header(self) -> None:
        """It goes as it is, after F, and comes to the acceptor as it was."""
        maker = gss.Maker("user", "pencil", header=False)
        for name, bound in (
            ("GS2-KRB5", b"n,,"),
            ("GS2-KRB5-PLUS", b"p=tls-exporter,,"),
        ):
            client = both.client(name, {"gss": maker})
            first = client.start() or b""
            self.assertTrue(first.startswith(b"F," + bound))
            self.assertTrue(maker.asked[-1]["bindings"].startswith(bound))
            event = serve(name, first, header=False)
            client.step(event.data)
            client.finish()

    def test_a_header_of_another_mechanism(self) -> None:
        maker = gss.Maker("user", "pencil")

        def other(target: str, **terms: Any) -> Any:
            return maker(target, **terms | {"mechanism": messages.SPNEGO})

        with self.assertRaisesRegex(sasl.CredentialsError, "broken header"):
            both.client("GS2-KRB5", {"gss": other})

    def test_a_context_cannot_be_given(self) -> None:
        """It is bound to what the client is about to say."""
        context = gss.Context(True, "pencil", "user")
        with self.assertRaisesRegex(sasl.NoMechanism, "no gss function"):
            both.client("GS2-KRB5", {"gss": context})

    def test_without_mutual_authentication(self) -> None:
        """Whether the context is complete at once, or lies later."""
        with self.assertRaisesRegex(sasl.CredentialsError, "mutual"):
            both.client("GS2-KRB5", {"gss": gss.Maker("user", "pencil", flags=0)})
        client = both.client("GS2-KRB5")
        event = serve("GS2-KRB5", client.start() or b"")
        client._turn[0].context._context.actual_flags = 0
        with self.assertRaisesRegex(sasl.ServerNotAuthenticated, "prove itself"):
            client.step(event.data)

    def test_an_impostor(self) -> None:
        client = both.client("GS2-KRB5")
        client.start()
        with self.assertRaises(sasl.ServerNotAuthenticated):
            client.step(b"a token")

    def test_flags(self) -> None:
        """n, y and p= as SCRAM has them (section 5)."""
        for name, bindings, setting, flag in (
            ("GS2-KRB5", (), "prefer", b"n,,"),
            ("GS2-KRB5", accounts.BINDINGS, "prefer", b"y,,"),
            ("GS2-KRB5", accounts.BINDINGS, "disable", b"n,,"),
            ("GS2-KRB5-PLUS", accounts.BINDINGS, "require", b"p=tls-exporter,,"),
        ):
            client = both.client(
                name,
                on=accounts.channel(name, bindings=bindings),
                channel_binding=setting,
            )
            with self.subTest(flag):
                self.assertTrue((client.start() or b"").startswith(flag))
        shown = sasl.client(
            NAMES,
            sasl.Credentials(gss=gss.Maker("user", "pencil")),
            channel=accounts.channel("GS2-KRB5-PLUS"),
            policy=sasl.Policy(allow=["GS2-KRB5"]),
            profile=sasl.profiles.RAW,
        )
        self.assertTrue((shown.start() or b"").startswith(b"n,,"))


class ServerTest(unittest.TestCase):
    """What our server takes."""

    def test_a_context_that_is_bound_to_nothing(self) -> None:
        """MIT's acceptor takes it; then anybody in between could change the header."""
        maker = gss.Maker("user", "pencil")

        def careless(target: str, **terms: Any) -> Any:
            return maker(target, **terms | {"bindings": None})

        for name in NAMES:
            event = serve(name, both.client(name, {"gss": careless}).start() or b"")
            with self.subTest(name):
                self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
                self.assertIn("bound to nothing", event.detail)

    def test_a_header_that_was_changed(self) -> None:
        for name in NAMES:
            first = both.client(name).start() or b""
            flag, rest = first.split(b",,", 1)
            event = serve(name, flag + b",a=root," + rest)
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_a_context_without_a_last_token(self) -> None:
        """There is nothing to send then, not even an empty message."""
        context = gss.Context(True, "pencil", "user", b"n,,", actual_flags=0)
        first = b"F,n,," + (context.step() or b"")
        event = serve("GS2-KRB5", first, header=False)
        self.assertIsInstance(event, sasl.Success)
        self.assertIsNone(event.data)

    def test_an_authzid(self) -> None:
        """It stands in the header, escaped; the application is asked about it."""
        for name in NAMES:
            for authzid in ("boss", "a=b,c", "j\xfcrgen"):
                has = {"gss": gss.Maker("user", "pencil"), "authzid": authzid}
                event = serve(name, both.client(name, has).start() or b"")
                with self.subTest(name, authzid=authzid):
                    self.assertIsInstance(event, sasl.Authorize)
                    self.assertEqual(event.authcid, "user")
                    self.assertEqual(event.authzid, authzid)
            flag, rest = (both.client(name).start() or b"").split(b",,", 1)
            for wrong in (b"a=2cb", b"\xff", b"a\0b", b"a=", b""):
                event = serve(name, b"%b,a=%b,%b" % (flag, wrong, rest))
                with self.subTest(name, wrong=wrong):
                    self.assertIs(event.reason, sasl.Reason.MALFORMED)

    def test_a_downgrade(self) -> None:
        """y where -PLUS was on offer: somebody hid it."""
        on = accounts.channel("GS2-KRB5", bindings=accounts.BINDINGS)
        client = both.client("GS2-KRB5", on=on)
        allow = {"on": on, "allow": NAMES}
        event: Any = both.server("GS2-KRB5", **allow).start(client.start())
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertIn("stands in between", event.detail)

    def test_what_is_no_message(self) -> None:
        for name in NAMES:
            flag = b"p=tls-exporter" if name.endswith("PLUS") else b"n"
            for message in (b"", flag + b",,", b"F,", b"F," + flag + b",,", b"f,n,,x"):
                with self.subTest(name, message=message):
                    self.assertIs(serve(name, message).reason, sasl.Reason.MALFORMED)
        self.assertIs(serve("GS2-KRB5-PLUS", b"n,,x").reason, sasl.Reason.MALFORMED)
        for flag in (b"p=tls-exporter", b"p=tls-nothing"):
            event = serve("GS2-KRB5", flag + b",,x")
            self.assertIs(event.reason, sasl.Reason.UNSUPPORTED)

    def test_who_is_not_named(self) -> None:
        hidden = gss.Maker("user", "pencil", gss.MUTUAL | gss.ANONYMITY)
        for maker in (hidden, gss.Maker("a\nb", "pencil")):
            first = both.client("GS2-KRB5", {"gss": maker}).start() or b""
            self.assertIsInstance(serve("GS2-KRB5", first), sasl.Failure)


class VariantsTest(unittest.TestCase):
    """Mechanisms of other GSS-API mechanisms."""

    def test_names(self) -> None:
        plus, plain = gs2.variants(IAKERB, "GS2-IAKERB")
        self.assertEqual(plain.name, "GS2-IAKERB")
        self.assertEqual(plus.name, "GS2-IAKERB-PLUS")
        for made in (plus, plain):
            ours = mechanisms.find("GS2-KRB5-PLUS" if made.plus else "GS2-KRB5")
            for fact in (
                "strength",
                "needs",
                "asks",
                "plus",
                "mutual",
                "specification",
            ):
                self.assertEqual(getattr(made, fact), getattr(ours, fact))

    def test_an_exchange(self) -> None:
        """It is made of the OID, which is no part of what is sent."""
        registry = mechanisms._registry
        oid = messages.der(IAKERB)
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(registry))
            for mechanism in gs2.variants(IAKERB):
                mechanisms.register(mechanism)
                channel = accounts.channel(mechanism.name)
                maker = gss.Maker("user", "pencil")
                client = sasl.client(
                    mechanism.name, sasl.Credentials(gss=maker), channel=channel
                )
                server = sasl.server(
                    mechanism.name,
                    channel=channel,
                    answers=[sasl.AcceptSecurityContext],
                )
                first = client.start()
                self.assertNotIn(oid, sasl.profiles.BASE64.decode(first or b""))
                request: Any = server.start(first)
                context = gss.Context(
                    False, "pencil", bindings=request.bindings, oid=oid
                )
                event = request.answer(context)
                event = server.step(client.step(event.data))
                client.finish()
                self.assertEqual(event.identity, sasl.Identity("user"))
                self.assertEqual(event.bound, mechanism.plus)


class HeaderTest(unittest.TestCase):
    """The header of a token (RFC 2743, section 3.1)."""

    def test_every_length(self) -> None:
        """One, two and three octets of length."""
        oid = messages.der(messages.KERBEROS)
        for size in (0, 1, 116, 117, 200, 244, 245, 300, 65524, 65525, 70000):
            token = b"x" * size
            whole = messages.restore(token, oid)
            self.assertEqual(messages.strip(whole, oid), token)
            for cut in (whole[:-1], whole + b"x", whole[:1], whole[:3]):
                with self.assertRaises(ValueError):
                    messages.strip(cut, oid)
        self.assertIsNone(messages.strip(b"", oid))

    def test_the_form_of_a_length(self) -> None:
        """The shortest, as DER has it; no other, and none of another mechanism."""
        oid = messages.der(messages.KERBEROS)
        for size, form in (
            (0, b"\x0b"),
            (116, b"\x7f"),
            (117, b"\x81\x80"),
            (244, b"\x81\xff"),
            (245, b"\x82\x01\x00"),
            (65524, b"\x82\xff\xff"),
            (65525, b"\x83\x01\x00\x00"),
        ):
            token = oid + b"x" * size
            self.assertEqual(
                messages.restore(token[len(oid) :], oid)[1 : -size or None], form + oid
            )
            longer = b"%c\0" % (0x80 | len(form[1:] or form) + 1) + (form[1:] or form)
            for wrong in (longer, b"\x80", b"\x84", b"\x89" + bytes(9), b""):
                with self.subTest(size, wrong=wrong), self.assertRaises(ValueError):
                    messages.strip(b"\x60" + wrong + token, oid)
        with self.assertRaises(ValueError):
            messages.strip(messages.restore(b"x", oid), messages.der(messages.SPNEGO))

    def test_what_is_no_header(self) -> None:
        """A token of another form: it goes as it is."""
        oid = messages.der(messages.KERBEROS)
        self.assertIsNone(messages.strip(b"n\x82\x01\xea", oid))


if __name__ == "__main__":
    unittest.main()
