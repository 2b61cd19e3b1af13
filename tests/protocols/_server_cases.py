"""What must be true of the server's session of every line protocol, whatever its words."""

from __future__ import annotations

import pickle
from base64 import b64encode
from copy import deepcopy
from unittest import mock

import sasl_core as sasl
from sasl_core import Reason

from ._server_tls_cases import ServerTlsCases
from ._server_words import RIGHT, hear

# None is base64 of anything, and none may be run as a command.
NO_RESPONSES = (
    b"!!!!",
    b"=AAA",
    b"AAA=BBB",
    b"A",
    b"AHVz ZXIAcGVuY2ls",
    b"AHVz\tZXIAcGVuY2ls",
    b"-HVzZXI-cGVuY2ls",
    b"AHVzZXIAcGVuY2lsMQ",
    b"AHVzZX\0IAcGVuY2ls",
    b"AHVzZXIAcGVuY2l\xc4\xb0",
    b"AHVzZXIAcGVuY2ls\n",
    b" *",
    b"* ",
    b"**",
    b"= ",
    b" ",
    b"\0",
    b"\xff",
    b"QUIT",
    b"QUIT\r",
)


class ServerCases(ServerTlsCases):
    """The cases, to mix into a TestCase."""

    # --- exchanges

    def test_with_initial_response(self) -> None:
        self.assert_logged_in(self.words.server())

    def test_without_initial_response(self) -> None:
        peer = self.words.server()
        self.assertEqual(peer.line(self.words.command(b"PLAIN")), self.words.prompt)
        self.assert_yes(peer.line(self.words.response % RIGHT))
        self.assertEqual(peer.session.identity, sasl.Identity("user"))

    def test_names_in_any_case(self) -> None:
        line = self.words.tag + (self.words.auth % b"plAIN").swapcase()
        self.assert_yes(self.words.server().line(line + self.words.initial % RIGHT))

    def test_an_empty_initial_response(self) -> None:
        command = self.words.command(b"EXTERNAL")
        peer = self.words.greet(self.words.peer.for_mechanism("EXTERNAL"))
        initial = self.words.initial % self.words.empty_initial
        self.assert_yes(peer.line(command + initial))
        self.assertEqual(peer.session.identity.authcid, "user")
        # None is not an empty one.
        peer = self.words.greet(self.words.peer.for_mechanism("EXTERNAL"))
        self.assertEqual(peer.line(command), self.words.prompt)
        self.assert_yes(peer.line(self.words.empty))

    def test_an_initial_response_where_the_server_begins(self) -> None:
        for initial in (b"dGltIGI=", self.words.empty_initial):
            peer = self.words.server()
            line = self.words.command(b"CRAM-MD5") + self.words.initial % initial
            self.assertEqual(peer.line(line), self.words.no(Reason.UNEXPECTED_INITIAL))
            self.assert_logged_in(peer)

    def test_after_a_failure(self) -> None:
        peer = self.words.server()
        no = self.words.no(Reason.BAD_CREDENTIALS)
        self.assertEqual(peer.line(self.words.wrong), no)
        self.assertIsNone(peer.session.identity)
        exchange, outcome = peer.session.decision()
        self.assertEqual(exchange.name, "PLAIN")
        self.assertIs(outcome.reason, Reason.BAD_CREDENTIALS)
        self.assertIsNone(peer.session.decision())
        unknown = self.words.command(b"PLAIN", b64encode(b"\0nobody\0pencil"))
        self.assertEqual(peer.line(unknown), no)
        self.assert_logged_in(peer)

    def test_every_reason(self) -> None:
        for reason in Reason:
            session, request = self.waiting()
            reply = session.resume(request.refuse(reason))
            with self.subTest(reason):
                self.assertEqual(bytes(reply), self.words.no(reason))
                self.assertIs(session.failure.reason, reason)

    def test_authorization(self) -> None:
        for authzid, expected in (("boss", "boss"), ("other", None)):
            peer = self.words.server()
            peer.application.may_act_as = ("boss",)
            text = b64encode(f"{authzid}\0user\0pencil".encode())
            reply = peer.line(self.words.command(b"PLAIN", text))
            if expected is None:
                self.assertEqual(reply, self.words.no(Reason.NOT_AUTHORIZED))
            identity = peer.session.identity
            self.assertEqual(identity and identity.authzid, expected)

    def test_only_once(self) -> None:
        policy = sasl.Policy(cleartext="always")
        peer = self.words.server(self.words.peer.CLEAR, policy=policy, starttls=True)
        self.assert_logged_in(peer)
        for line in (
            self.words.plain,
            self.words.wrong,
            self.words.command(b"FOO"),
        ):
            with self.subTest(line):
                reply = peer.line(line)
                self.assertTrue(reply.startswith(self.words.already), reply)
        self.assertEqual(peer.application.asked, ["CheckPassword"])
        self.assertEqual(peer.session.identity, sasl.Identity("user"))

    def test_so_many_failures(self) -> None:
        peer = self.words.server(max_failures=2)
        peer.line(self.words.wrong)
        peer.line(self.words.command(b"CRAM-MD5"))
        peer.line(self.words.response % self.words.profile.abort)  # which counts, too
        reply = peer.line(self.words.plain)
        self.assertTrue(reply.startswith(self.words.too_many), reply)
        for line in (self.words.plain, self.words.tag + self.words.noop):
            reply = peer.line(line)
            self.assertTrue(reply.startswith(self.words.goodbye), reply)
        self.assertEqual(peer.application.asked, ["CheckPassword"])
        self.assertIsNone(peer.session.identity)

    # --- what is refused

    def test_no_mechanism_on_offer(self) -> None:
        peer = self.words.server(answers=[sasl.CheckPassword])
        for name in (
            b"FOO",
            b"ANONYMOUS",
            b"SCRAM-SHA-256-PLUS",
            b"CRAM-MD5",  # nobody could answer what it asks
            b"A" * 500,
        ):
            with self.subTest(name[:20]):
                reply = peer.line(self.words.command(name))
                self.assertEqual(reply, self.words.no(Reason.UNSUPPORTED))
        self.assert_logged_in(peer)

    def test_only_refused_for_want_of_encryption(self) -> None:
        peer = self.words.server(self.words.peer.CLEAR)
        no = self.words.no(Reason.ENCRYPTION_NEEDED)
        for line in (
            self.words.plain,
            self.words.command(b"plain"),
            self.words.command(b"LOGIN"),
        ):
            self.assertEqual(peer.line(line), no)
        self.assertEqual(peer.application.asked, [])

    def test_the_realm_goes_to_the_mechanism(self) -> None:
        peer = self.words.server(realm="example.org")
        with mock.patch(
            "sasl_core.protocols._server_session.server",
            side_effect=sasl.NoMechanism({}),
        ) as made:
            peer.line(self.words.plain)
        self.assertEqual(made.call_args.kwargs["realm"], "example.org")

    def test_responses_that_are_none(self) -> None:
        noop = self.words.tag + self.words.noop
        for text in (*NO_RESPONSES, noop, noop + b"\n", self.words.plain):
            peer = self.words.server()
            before = len(peer.commands)
            peer.line(self.words.command(b"PLAIN"))
            with self.subTest(text):
                no = self.words.no(Reason.MALFORMED)
                self.assertEqual(peer.line(self.words.response % text), no)
                self.assertEqual(peer.application.asked, [])
                self.assertEqual(len(peer.commands), before)
                self.assert_logged_in(peer)

    def test_an_initial_response_that_is_none(self) -> None:
        peer = self.words.server()
        reply = peer.line(self.words.command(b"PLAIN", b"AHVzZXIA!"))
        self.assertEqual(reply, self.words.no(Reason.MALFORMED))

    def test_cancelled(self) -> None:
        peer = self.words.server()
        peer.line(self.words.command(b"PLAIN"))
        reply = peer.line(self.words.response % self.words.profile.abort)
        self.assertEqual(reply, self.words.no(Reason.ABORTED))
        self.assertIs(peer.session.failure.reason, Reason.ABORTED)
        self.assert_logged_in(peer)

    def test_a_response_over_the_limit(self) -> None:
        peer = self.words.server()
        peer.line(self.words.command(b"PLAIN"))
        reply = peer.line(self.words.long_response)
        self.assertEqual(reply, self.words.no(Reason.TOO_LONG))
        self.assertIs(peer.session.failure.reason, Reason.TOO_LONG)
        self.assert_logged_in(peer)

    def test_no_line_hides_another(self) -> None:
        noop = self.words.tag + self.words.noop
        for hidden in (b"\n" + noop, b"\r" + noop, b"\0", b"\n"):
            peer = self.words.server()
            before = len(peer.commands)
            with self.subTest(hidden):
                reply = peer.line(noop + hidden)
                self.assertEqual(reply.count(b"\r\n"), 1)
                self.assertEqual(len(peer.commands), before)

    # --- the application's mistakes

    def test_an_application_that_fails(self) -> None:
        for ruin in (lambda request: None, lambda request: request.answer(True)):
            session, request = self.waiting()
            ruin(request)
            reply = session.unavailable("boom")
            self.assertEqual(bytes(reply), self.words.no(Reason.UNAVAILABLE))
            self.assertEqual(session.failure.detail, "boom")
            self.assertEqual(session.decision()[1].detail, "boom")
            self.assertIsNone(session.identity)
            with self.assertRaises(sasl.StateError):
                session.unavailable()

    def test_a_line_while_a_request_waits(self) -> None:
        """It spoils nothing."""
        session, request = self.waiting()
        with self.assertRaises(sasl.StateError):
            hear(session, self.words.tag + self.words.noop)
        self.assert_yes(bytes(session.resume(request.answer(True))))

    def test_resumed_without_a_request(self) -> None:
        session = self.words.server().session
        with self.assertRaises(sasl.StateError):
            session.resume(sasl.Success(sasl.Identity("admin")))
        self.assertIsNone(session.identity)

    def test_what_to_give_back_is_told(self) -> None:
        """To who returns a bool from his function, or forgets to return."""
        session, request = self.waiting()
        with self.assertRaisesRegex(
            sasl.StateError, "CheckPassword still waits: .*answer"
        ):
            session.resume(True)
        event = request.answer(True)
        with self.assertRaisesRegex(sasl.StateError, "not NoneType, but the event"):
            session.resume(None)
        self.assert_yes(bytes(session.resume(event)))

    def test_resumed_with_no_event_of_its_own(self) -> None:
        _, other = self.waiting()
        foreign = other.answer(True)
        self.assertIsInstance(foreign, sasl.Success)
        for event in (None, True, sasl.Identity("user"), foreign):
            session, _ = self.waiting()
            with self.subTest(event), self.assertRaises(sasl.StateError):
                session.resume(event)
            self.assertIsNone(session.identity)

    # --- the end

    def test_closed(self) -> None:
        peer = self.words.server()
        peer.line(self.words.command(b"PLAIN"))
        peer.session.closed()
        peer.session.closed()
        self.assertIs(peer.session.failure.reason, Reason.ABORTED)
        with self.assertRaises(sasl.StateError):
            hear(peer.session, self.words.tag + self.words.noop)

    def test_closed_while_a_request_waits(self) -> None:
        session, request = self.waiting()
        session.closed()
        self.assertIs(session.failure.reason, Reason.ABORTED)
        with self.assertRaises(sasl.StateError):
            request.answer(True)
        with self.assertRaises(sasl.StateError):
            session.resume(sasl.Success(sasl.Identity("user")))
        self.assertIsNone(session.identity)

    def test_it_shows_no_secret(self) -> None:
        session, _ = self.waiting()
        self.assertNotIn("pencil", repr(session) + repr(session.incoming))
        with self.assertRaises(TypeError):
            pickle.dumps(session)

    def test_a_waiting_session_can_be_copied(self) -> None:
        peer = self.words.server()
        peer.line(self.words.command(b"PLAIN"))
        twin = deepcopy(peer)
        self.assert_yes(twin.line(self.words.response % RIGHT))
        self.assertIsNone(peer.session.identity)
        wrong = self.words.response % b64encode(b"\0user\0wrong")
        no = self.words.no(Reason.BAD_CREDENTIALS)
        self.assertEqual(peer.line(wrong), no)
