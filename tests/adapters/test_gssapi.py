"""The adapters of gssapi and pyspnego, by stand-ins; tests/interop has the real ones."""

from __future__ import annotations

import sys
import unittest
from enum import IntFlag
from types import SimpleNamespace
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters import gssapi, spnego
from sasl_core.mechanisms import _gss_messages as messages

from .. import _accounts as accounts
from .. import _gss as gss

KERBEROS, SPNEGO = "1.2.840.113554.1.2.2", "1.3.6.1.5.5.2"
LAYERS = ("confidentiality", "integrity", "none")


class Flag(IntFlag):
    """RFC 2744's flags, by both packages' names."""

    delegate_to_peer = 1
    mutual_authentication = mutual_auth = 2
    replay_detection = replay_detect = 4
    out_of_sequence_detection = sequence_detect = 8
    confidentiality = 16
    integrity = 32
    no_integrity = 1 << 28


def record(**facts: Any) -> dict[str, Any]:
    return facts


def gssapi_modules() -> dict[str, Any]:
    """Return what the adapter imports of gssapi; contexts are what they were made of."""
    raw = SimpleNamespace(
        ChannelBindings=lambda application_data: application_data,
        set_cred_option=lambda aspect, credentials: (aspect, credentials),
    )
    package = SimpleNamespace(
        OID=SimpleNamespace(from_int_seq=str),
        Name=lambda name, kind: (name, kind),
        NameType=SimpleNamespace(hostbased_service="service"),
        RequirementFlag=Flag,
        Credentials=lambda base=None, usage=None: base or f"default to {usage}",
        SecurityContext=record,
        raw=raw,
    )
    return {"gssapi": package, "gssapi.raw": raw}


def request(name: str, **more: Any) -> Any:
    """Return what a server asks first."""
    first = accounts.make_client(name).start()
    return accounts.make_server(name, **more).start(first)


class GssapiTest(unittest.TestCase):
    """Contexts of gssapi."""

    def setUp(self) -> None:
        self.enterContext(mock.patch.dict(sys.modules, gssapi_modules()))

    def make(self, *layers: str, mechanism: str = KERBEROS, **options: Any) -> Any:
        made = gssapi.initiator(**options)
        return made("imap@h", mechanism=mechanism, bindings=b"n,,", layers=layers)

    def test_initiator(self) -> None:
        made = self.make("none", credentials="mine")
        self.assertEqual(made["name"], ("imap@h", "service"))
        self.assertEqual((made["usage"], made["mech"]), ("initiate", KERBEROS))
        self.assertEqual((made["creds"], made["channel_bindings"]), ("mine", b"n,,"))
        self.assertIsNone(self.make("none")["creds"])

    def test_flags(self) -> None:
        always = Flag.mutual_authentication | Flag.out_of_sequence_detection
        integrity = Flag.integrity | Flag.replay_detection
        for layers, delegate, expected in (
            (("none",), False, 0),
            (("none",), True, Flag.delegate_to_peer),
            (("integrity", "none"), False, integrity),
            (LAYERS, False, integrity | Flag.confidentiality),
        ):
            flags = self.make(*layers, delegate=delegate)["flags"]
            self.assertEqual(set(flags), set(always | expected))

    def test_spnego_asks_for_no_more_than_is_wanted(self) -> None:
        for credentials, base in ((None, "default to initiate"), ("mine", "mine")):
            made = self.make("none", mechanism=SPNEGO, credentials=credentials)
            self.assertEqual(made["creds"], ("1.2.752.43.13.29", base))

    def test_acceptor(self) -> None:
        made: Any = gssapi.acceptor(request("GS2-KRB5"), "keys")
        self.assertEqual(
            made._context,
            {"creds": "keys", "channel_bindings": b"n,,", "usage": "accept"},
        )
        made = gssapi.acceptor(request("GSS-SPNEGO"))
        self.assertEqual((made["creds"], made["channel_bindings"]), (None, None))

    def test_kerberos_alone(self) -> None:
        """A library that has NTLM too would let anybody try passwords as tickets."""
        first = messages.restore(b"ticket", messages.der(KERBEROS))
        others = (b"NTLMSSP\0\1", messages.restore(b"x", messages.der(SPNEGO)), None)
        for name in ("GSSAPI", "GS2-KRB5"):
            for token in others:
                made: Any = gssapi.acceptor(request(name))
                made._context = mock.Mock(spec=["step"])
                with self.subTest(name, token=token), self.assertRaises(ValueError):
                    made.step(token)
                made._context.step.assert_not_called()
            made._context.step.return_value = b"more"
            for token in (first, b"any"):
                self.assertEqual(made.step(token), b"more")
                made._context.step.assert_called_with(token)


class RealmTest(unittest.TestCase):
    """Principals by their first part."""

    def named(self, principal: str | None) -> Any:
        made = mock.Mock(initiator_name=principal)
        modules = gssapi_modules()
        modules["gssapi"].SecurityContext = lambda **_: made
        with mock.patch.dict(sys.modules, modules):
            return gssapi.acceptor(request("GSSAPI"), realm="REALM").initiator_name

    def test_names(self) -> None:
        for principal, name in (
            ("alice@REALM", "alice"),
            ("alice@OTHER.REALM", "alice@OTHER.REALM"),
            ("alice@OTHERREALM", "alice@OTHERREALM"),
            ("alice/admin@REALM", "alice/admin@REALM"),
            ("alice\\@OTHER@REALM", "alice\\@OTHER@REALM"),
            ("a\\lice@REALM", "a\\lice@REALM"),
            ("@REALM", "@REALM"),
            (None, None),
        ):
            with self.subTest(principal):
                self.assertEqual(self.named(principal), name)

    def test_all_else_is_the_contexts_own(self) -> None:
        context = gss.acceptor(request("GSSAPI"), accounts.PASSWORD)
        modules = gssapi_modules()
        modules["gssapi"].SecurityContext = lambda **_: context
        client = accounts.make_client("GSSAPI", layers=LAYERS)
        server = accounts.make_server("GSSAPI", layers=LAYERS)
        event = server.start(client.start())
        with mock.patch.dict(sys.modules, modules):
            event = event.answer(gssapi.acceptor(event, realm="REALM"))
        while not isinstance(event, sasl.Success):
            event = server.step(client.step(event.data))
        client.finish()
        self.assertEqual(event.identity, sasl.Identity(accounts.USER))
        sealed = client.layer.wrap(b"hello")
        self.assertEqual(event.layer.unwrap(sealed), b"hello")


class Proxy:
    """As much of spnego.ContextProxy as the adapter uses."""

    complete, client_principal, context_attr = True, "user@REALM", 0x10000032

    def step(self, token: bytes | None) -> bytes | None:
        return token and token[::-1]

    def wrap(self, data: bytes, encrypt: bool) -> Any:
        return SimpleNamespace(data=data[::-1], encrypted=encrypt)

    def unwrap(self, data: bytes) -> Any:
        return SimpleNamespace(data=data[::-1], encrypted=False)

    def query_message_sizes(self) -> Any:
        return SimpleNamespace(header=16)


class SpnegoTest(unittest.TestCase):
    """Contexts of pyspnego."""

    def setUp(self) -> None:
        self.made: list[tuple[Any, ...]] = []
        bindings = SimpleNamespace(
            GssChannelBindings=lambda application_data: application_data
        )
        package = SimpleNamespace(
            ContextReq=Flag,
            channel_bindings=bindings,
            client=self.note,
            server=self.note,
        )
        modules = {"spnego": package, "spnego.channel_bindings": bindings}
        self.enterContext(mock.patch.dict(sys.modules, modules))

    def note(self, *arguments: Any, **options: Any) -> Proxy:
        self.made.append((arguments, options))
        return Proxy()

    def test_initiator(self) -> None:
        for mechanism, protocol in ((KERBEROS, "kerberos"), (SPNEGO, "negotiate")):
            make = spnego.initiator("user", "pencil")
            make("imap@h", mechanism=mechanism, bindings=b"x", layers=("none",))
            arguments, options = self.made[-1]
            self.assertEqual(arguments, ("user", "pencil"))
            self.assertEqual((options["service"], options["hostname"]), ("imap", "h"))
            self.assertEqual(options["protocol"], protocol)
            self.assertEqual(options["channel_bindings"], b"x")

    def test_flags(self) -> None:
        protected = Flag.integrity | Flag.replay_detect | Flag.sequence_detect
        for layers, expected in (
            (("none",), Flag.no_integrity),
            (("integrity", "none"), protected),
            (LAYERS, protected | Flag.confidentiality),
        ):
            spnego.initiator()("imap@h", mechanism=SPNEGO, bindings=None, layers=layers)
            _, options = self.made[-1]
            self.assertEqual(options["context_req"], Flag.mutual_auth | expected)
            self.assertIsNone(options["channel_bindings"])

    def test_acceptor(self) -> None:
        for name, protocol in (("GSS-SPNEGO", "negotiate"), ("GSSAPI", "kerberos")):
            spnego.acceptor(request(name, layers=("integrity",)))
            _, options = self.made[-1]
            self.assertEqual(options["protocol"], protocol)
            self.assertEqual(options["service"], "imap")
            self.assertEqual(options["hostname"], accounts.HOST)
            self.assertTrue(options["context_req"] & Flag.integrity)

    def test_a_context(self) -> None:
        asked = request("GSSAPI")
        context: Any = spnego.acceptor(asked)
        self.assertTrue(asked._fits(context))
        self.assertTrue(context.complete)
        self.assertEqual(context.initiator_name, "user@REALM")
        self.assertEqual(context.actual_flags, 0x32)
        self.assertEqual(context.step(b"abc"), b"cba")
        self.assertIsNone(context.step())
        self.assertEqual(context.wrap(b"abc", True), (b"cba", True))
        self.assertEqual(context.unwrap(b"abc").message, b"cba")
        self.assertEqual(context.get_wrap_size_limit(100), 84)

    def test_an_exchange_refuses_what_it_cannot_be_bound_by(self) -> None:
        """The low bits of its flags say nothing of channel bindings."""
        event = request("GS2-KRB5").answer(spnego.Context(Proxy()))
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)


if __name__ == "__main__":
    unittest.main()
