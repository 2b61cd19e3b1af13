"""GSSAPI and GSS-SPNEGO: what a security context can do wrong."""

from __future__ import annotations

import copy
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _gss_messages as messages

from .. import _gss as gss
from . import _both as both

NAMES = ("GSSAPI", "GSS-SPNEGO")
ALL = ("confidentiality", "integrity", "none")


def exchange(
    name: str = "GSSAPI",
    mine: Any = None,
    theirs: Any = None,
    layers: tuple[str, ...] = ("none",),
    server_layers: tuple[str, ...] | None = None,
) -> tuple[sasl.Client, Any]:
    """Run an exchange between contexts; return the client and the server's last event."""
    client = both.client(
        name, {"gss": mine or gss.Maker("user", "pencil")}, layers=layers
    )
    server = both.server(name, layers=server_layers or layers)
    event: Any = server.start(client.start())
    while not isinstance(event, (sasl.Success, sasl.Failure)):
        if isinstance(event, sasl.Request):
            event = event.answer(theirs or gss.acceptor(event, "pencil"))
        else:
            event = server.step(client.step(event.data))
    return client, event


class ClientTest(unittest.TestCase):
    """Our client, and contexts that misbehave."""

    def test_a_context_of_ones_own(self) -> None:
        """In place of a function; a used one is refused, and one without a host works."""
        for name in NAMES:
            spnego = name == "GSS-SPNEGO"
            oid = messages.der(messages.SPNEGO if spnego else messages.KERBEROS)
            context = gss.Context(True, "pencil", "user", oid=oid)
            client, event = exchange(name, context)
            client.finish(event.data)
            self.assertEqual(event.identity, sasl.Identity("user"))
            with self.assertRaisesRegex(
                sasl.CredentialsError, "refused: Fault: no token is due: None$"
            ):
                both.client(name, {"gss": context})
        context = gss.Context(True, "pencil", "user")
        nowhere = sasl.Channel(True)
        who = sasl.Credentials(gss=context)
        self.assertTrue(sasl.client("GSSAPI", who, channel=nowhere).start())

    def test_a_context_without_a_token(self) -> None:
        class Silent(gss.Context):
            def step(self, token: bytes | None = None) -> bytes | None:
                return None

        for name in (*NAMES, "GS2-KRB5"):
            silent = Silent(True, "")
            gs2 = name == "GS2-KRB5"
            has = (lambda target, **terms: Silent(True, "")) if gs2 else silent
            problem = "mutual" if gs2 else "no first token"
            with self.assertRaisesRegex(sasl.CredentialsError, problem):
                both.client(name, {"gss": has})

    def test_what_a_context_is_made_for(self) -> None:
        maker = gss.Maker("user", "pencil")
        both.client("GSSAPI", {"gss": maker}, layers=ALL)
        both.client("GSS-SPNEGO", {"gss": maker})
        first, second = maker.asked
        self.assertEqual(first["target"], "imap@mail.example.org")
        self.assertEqual(first["mechanism"], "1.2.840.113554.1.2.2")
        self.assertEqual((first["bindings"], first["layers"]), (None, ALL))
        self.assertEqual(second["mechanism"], "1.3.6.1.5.5.2")

    def test_more_tokens(self) -> None:
        """Until the context is complete, whoever has the last one."""
        for name in (*NAMES, "GS2-KRB5"):
            for flags in (gss.MUTUAL, 0):
                if name == "GS2-KRB5" and not flags:
                    continue  # it must be mutual
                header = name != "GS2-KRB5"  # the first token has none: F tells
                maker = gss.Maker("user", "pencil", flags, header, kind=gss.Polite)
                client, server = both.client(name, {"gss": maker}), both.server(name)
                request: Any = server.start(client.start())
                bare = gss.acceptor(request, "pencil", header=header)
                event = request.answer(
                    gss.Polite(False, "pencil", bindings=bare.bindings, oid=bare.oid)
                )
                self.assertEqual(event.data, b"hello to you")
                event = server.step(client.step(event.data))
                while isinstance(event, sasl.Challenge):
                    event = server.step(client.step(event.data))
                with self.subTest(name, flags=flags):
                    self.assertEqual(event.identity, sasl.Identity("user"))
                    # An empty last token is none, and there is nothing to send.
                    self.assertNotEqual(event.data, b"")
                    if flags or name == "GSSAPI":
                        client.finish(event.data)

    def test_the_service_of_the_protocol(self) -> None:
        """Where the channel names none; a channel that does, is right."""
        for service, target in (("", "smtp@h"), ("imap", "imap@h")):
            maker = gss.Maker("user", "pencil")
            sasl.client(
                "GSSAPI",
                sasl.Credentials(gss=maker),
                channel=sasl.Channel(True, service=service, host="h"),
                profile=sasl.profiles.SMTP,
            )
            self.assertEqual(maker.asked[0]["target"], target)

    def test_no_host(self) -> None:
        who = sasl.Credentials(gss=gss.Maker("user", "pencil"))
        for channel in (
            sasl.Channel(True, service="imap"),
            sasl.Channel(True, host="h"),
        ):
            with self.assertRaisesRegex(sasl.CredentialsError, "service and host"):
                sasl.client("GSSAPI", who, channel=channel)

    def test_no_ticket(self) -> None:
        """The user is told what is missing, be it the function that knows or its context;
        nothing else of the exception is kept.
        """

        def maker(target: str, **terms: Any) -> Any:
            raise gss.Fault("no KDC\n is known")

        class Poor(gss.Context):
            def step(self, token: bytes | None = None) -> bytes | None:
                raise gss.Fault("no KDC\n is known")

        for name in (*NAMES, "GS2-KRB5"):
            for has in (maker, lambda target, **terms: Poor(True, "")):
                with self.assertRaises(sasl.CredentialsError) as caught:
                    both.client(name, {"gss": has})
                self.assertEqual(
                    str(caught.exception),
                    "the security context refused: Fault: no KDC? is known",
                )
                self.assertIsNone(caught.exception.__cause__)
                self.assertIsNone(caught.exception.__context__)

    def test_an_impostor(self) -> None:
        """A token, or an offer, of who has not the service's key."""
        for name in NAMES:
            client = both.client(name)
            client.start()
            with self.assertRaisesRegex(sasl.ServerNotAuthenticated, "refused: Fault$"):
                client.step(b"no token")
            with self.assertRaises(sasl.StateError):
                client.step(b"")
        client = both.client("GSSAPI")
        context = gss.Context(False, "pencil", oid=messages.der(messages.KERBEROS))
        client.step(context.step(client.start()))
        with self.assertRaisesRegex(sasl.ServerNotAuthenticated, "refused: Fault$"):
            client.step(b"\0\1\0\0\0" + bytes(8))

    def test_a_success_out_of_turn(self) -> None:
        """GSSAPI is not over with its context; GSS-SPNEGO may be."""
        for name in NAMES:
            client = both.client(name)
            context = gss.acceptor(both.server(name).start(client.start()), "pencil")
            client.step(context.step(client_token(client, name)))
            if name == "GSSAPI":
                with self.assertRaises(sasl.ServerNotAuthenticated):
                    client.finish()
            else:
                client.finish()

    def test_spnego_that_goes_on_as_gssapi_does(self) -> None:
        """Dovecot's reading."""
        client = both.client("GSS-SPNEGO", layers=("confidentiality",))
        server = gss.Context(False, "pencil", oid=messages.der(messages.SPNEGO))
        self.assertEqual(client.step(server.step(client.start())), b"")
        offer = server.wrap(messages.write(["integrity"], 4096), False)
        with self.assertRaisesRegex(sasl.ProtocolError, "no security layer"):
            copy.deepcopy(client).step(offer.message)
        offer = copy.deepcopy(server)
        offer._sent = 0
        wrapped = offer.wrap(messages.write(["confidentiality"], 4096), False)
        choice = server.unwrap(client.step(wrapped.message)).message
        self.assertEqual(messages.read_choice(choice), ("confidentiality", 65536, b""))
        client.finish()
        self.assertEqual(client.layer.send_size, 4096 - 9)

    def test_without_mutual_authentication(self) -> None:
        """The offer proves GSSAPI's server, the layer GSS-SPNEGO's: without, nothing."""
        careless = gss.Maker("user", "pencil", flags=0)
        client, event = exchange("GSSAPI", careless)
        client.finish()
        self.assertEqual(event.identity, sasl.Identity("user"))
        client, event = exchange("GSS-SPNEGO", careless, None, ("integrity",))
        client.finish(event.data)
        self.assertIsNotNone(client.layer)
        client, event = exchange("GSS-SPNEGO", careless)
        with self.assertRaises(sasl.ServerNotAuthenticated):
            client.finish(event.data)

    def test_a_context_that_stands_still(self) -> None:
        """It neither ends nor makes a token: on either side, that is an error."""

        class Still(gss.Context):
            def step(self, token: bytes | None = None) -> bytes | None:
                return b"token" if token is None else None

        for name in (*NAMES, "GS2-KRB5"):
            still = Still(True, "", complete=False)
            maker = lambda target, still=still, **terms: still  # noqa: E731
            with self.subTest(name):
                client = both.client(name, {"gss": maker})
                client.start()
                with self.assertRaisesRegex(sasl.ProtocolError, "neither ends"):
                    client.step(b"token")
                first = b"n,,token" if name == "GS2-KRB5" else b"token"
                event = both.server(name).start(first).answer(Still(False, ""))
                self.assertIs(event.reason, sasl.Reason.MALFORMED)


def client_token(client: sasl.Client, name: str) -> bytes:
    """Return the first token of an honest client again."""
    return both.client(name).start() or b""


class ServerTest(unittest.TestCase):
    """Our server, and contexts that misbehave."""

    def test_who_speaks_first(self) -> None:
        """The client, whether it sent its first token with the command or not."""
        for name in (*NAMES, "GS2-KRB5"):
            self.assertEqual(both.server(name).start(), sasl.Challenge(b""))

    def test_nobody_accepts(self) -> None:
        for name in (*NAMES, "GS2-KRB5"):
            request: Any = both.server(name).start(both.client(name).start())
            self.assertIsInstance(request, sasl.AcceptSecurityContext)
            self.assertNotIn("n,,", repr(request))
            event: Any = request.deny()
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
            self.assertEqual(event.detail, "no security context for this")

    def test_an_empty_first_message(self) -> None:
        for name in NAMES:
            self.assertIs(both.server(name).start(b"").reason, sasl.Reason.MALFORMED)

    def test_who_is_not_named(self) -> None:
        """No name, an empty one, an anonymous one, one that would break a line."""
        for principal in (None, "", "a\0b", "a\r\nb", "\udc80"):
            for name in NAMES:
                context = Named(principal)
                event = exchange(name, None, context)[1]
                with self.subTest(name, principal=principal):
                    self.assertIsInstance(event, sasl.Failure)
        for name in NAMES:
            hidden = gss.Maker("user", "pencil", gss.MUTUAL | gss.ANONYMITY)
            self.assertIsInstance(exchange(name, hidden)[1], sasl.Failure)

    def test_principals_are_not_prepared(self) -> None:
        """Two principals never become one; an authzid is, and then has to be allowed."""
        wide = "\N{FULLWIDTH LATIN SMALL LETTER U}ser"
        _, event = exchange("GSS-SPNEGO", gss.Maker(wide, "pencil"))
        self.assertEqual(event.identity, sasl.Identity(wide))

    def test_data_where_none_is_due(self) -> None:
        client, server = both.client("GSSAPI"), both.server("GSSAPI")
        request: Any = server.start(client.start())
        request.answer(gss.acceptor(request, "pencil"))
        self.assertIs(server.step(b"x").reason, sasl.Reason.MALFORMED)

    def test_an_empty_message(self) -> None:
        """It is no token, and nothing protected, whatever a context makes of it."""

        class Content(gss.Polite):
            def step(self, token: bytes | None = None) -> bytes | None:
                return super().step(token or None)

            def unwrap(self, message: bytes) -> gss.Wrapped:
                return gss.Wrapped(b"\1\0\0\0", False)

        for name in (*NAMES, "GS2-KRB5"):
            header = name != "GS2-KRB5"
            maker = gss.Maker("user", "pencil", header=header, kind=Content)
            client, server = both.client(name, {"gss": maker}), both.server(name)
            request: Any = server.start(client.start())
            with (
                self.subTest(name),
                self.assertRaisesRegex(sasl.ProtocolError, "an empty message"),
            ):
                client.step(b"")
            request.answer(Content(False, "pencil"))
            self.assertIs(server.step(b"").reason, sasl.Reason.MALFORMED)
        client, server = both.client("GSSAPI"), both.server("GSSAPI")
        request = server.start(client.start())
        context = Content(
            False, "pencil", oid=messages.der(messages.KERBEROS), met=True
        )
        client.step(request.answer(context).data)
        with self.assertRaisesRegex(sasl.ProtocolError, "an empty message"):
            client.step(b"")
        server.step(b"")
        self.assertIs(server.step(b"").reason, sasl.Reason.MALFORMED)

    def test_a_late_error(self) -> None:
        """gssapi hands out an error token first, and raises at the next call."""

        class Late(gss.Context):
            @property
            def complete(self) -> bool:  # type: ignore[override]  # it raises
                raise gss.Fault("Ticket expired")

            @complete.setter
            def complete(self, value: bool) -> None:
                pass

            def step(self, token: bytes | None = None) -> bytes | None:
                return b"KRB-ERROR"

        for name in (*NAMES, "GS2-KRB5"):
            request: Any = both.server(name).start(both.client(name).start())
            event = request.answer(Late(False, ""))
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
            self.assertEqual(event.detail, "the security context refused: Fault")


class Named(gss.Context):
    """An acceptor with a name of its own for whoever comes."""

    def __init__(self, principal: str | None) -> None:
        super().__init__(False, "pencil")
        self._name = principal

    @property
    def initiator_name(self) -> Any:
        """Return the name."""
        return self._name

    def step(self, token: bytes | None = None) -> bytes | None:
        """Take any token."""
        self.complete = True
        return None


if __name__ == "__main__":
    unittest.main()
