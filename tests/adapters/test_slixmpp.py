"""The adapter of slixmpp, by a stand-in for it; tests/interop has the real one."""

from __future__ import annotations

import asyncio
import functools
import sys
import unittest
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters.slixmpp import login
from sasl_core.protocols.xmpp import NAMESPACE, Element, ServerSession

from .._accounts import Application
from ._loopback import ALWAYS, secrets_shown

USER = sasl.Credentials("user", "pencil")
CLEAR = sasl.Channel(False, service="xmpp", host="im.example.org")


def _modules() -> dict[str, SimpleNamespace]:
    """Return what the adapter imports of slixmpp."""
    handler = SimpleNamespace(
        Callback=lambda name, matcher, pointer: (name, matcher, pointer)
    )
    matcher = SimpleNamespace(MatchXPath=str)
    return {
        "slixmpp": SimpleNamespace(),
        "slixmpp.xmlstream": SimpleNamespace(),
        "slixmpp.xmlstream.handler": handler,
        "slixmpp.xmlstream.matcher": matcher,
    }


class XMPP:
    """As much of slixmpp.ClientXMPP as the adapter uses, and a server behind it."""

    def __init__(self, server, *, names=None) -> None:
        self.authenticated = False
        self.socket = object()
        self.transport = mock.Mock()
        self.requested_jid = SimpleNamespace(domain="im.example.org")
        self.features: set[str] = set()
        self.plugin = {"feature_mechanisms": SimpleNamespace(order=100)}
        self.stream_header = "<stream>"
        self.sent: list[str] = []
        self.events: list[str] = []
        self.parsers = 0
        self.parser = SimpleNamespace(read_events=list)  # of what stands behind
        self._server = server
        self._names = names
        self._listening: dict[str, list] = {}
        self._handlers = {
            f"SASL {name}": None for name in ("Success", "Failure", "Challenge")
        }
        self._feature = "slixmpp's own"

    def connect(self) -> None:
        names = self._names
        if names is None:
            names = list(self._server.mechanisms())
        self.offer(names)

    def offer(self, names) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: self.taken.append(self._feature({"mechanisms": names})))

    taken: list[bool]

    def register_feature(self, name, handler, restart=False, order=5000) -> None:
        assert (name, restart, order) == ("mechanisms", True, 100)
        self._feature, self.taken = handler, []

    def unregister_feature(self, name, order) -> None:
        assert (name, order) == ("mechanisms", 100)

    def register_handler(self, handler) -> None:
        name, matcher, pointer = handler
        assert matcher == f"{{{NAMESPACE}}}{name.removeprefix('SASL ').lower()}"
        self._handlers[name] = pointer

    def remove_handler(self, name) -> None:
        del self._handlers[name]

    def add_event_handler(self, name, pointer) -> None:
        self._listening.setdefault(name, []).append(pointer)

    def del_event_handler(self, name, pointer) -> None:
        self._listening[name].remove(pointer)

    def event(self, name, data=None) -> None:
        self.events.append(name)
        for pointer in self._listening.get(name, []):
            pointer(data)

    def init_parser(self) -> None:
        self.parsers += 1

    def disconnect(self) -> None:
        self.event("disconnected", "by us")

    def send_raw(self, text) -> None:
        self.sent.append(text)
        self.transport.write(text.encode())
        if text == self.stream_header:
            return
        root = ET.fromstring(text)
        name, mechanism = root.tag.rpartition("}")[2], root.get("mechanism", "")
        said = self._server.take(Element(name, root.text or "", mechanism=mechanism))
        if said is not None:
            self.say(said)

    def say(self, element: Element) -> None:
        pointer = self._handlers[f"SASL {element.name.capitalize()}"]
        stanza = SimpleNamespace(xml=ET.fromstring(bytes(element)))
        asyncio.get_running_loop().call_soon(pointer, stanza)


class Honest:
    """A server of ours."""

    def __init__(self, policy=ALWAYS) -> None:
        self.session = ServerSession(CLEAR, policy=policy)
        self.accounts = Application(username="user", password="pencil")
        self.mechanisms = self.session.mechanisms

    def take(self, element: Element) -> Element:
        action = self.session.receive(element)
        while isinstance(action, sasl.Request):
            action = self.session.resume(self.accounts.settle(action))
        return action


class Script:
    """A server that says what it was told to."""

    def __init__(self, *elements: Element | None) -> None:
        self.elements = list(elements)
        self.heard: list[Element] = []

    def take(self, element: Element) -> Element | None:
        self.heard.append(element)
        return self.elements.pop(0)


class LoginTest(unittest.TestCase):
    def setUp(self) -> None:
        self.enterContext(mock.patch.dict(sys.modules, _modules()))

    def log_in(self, xmpp: XMPP, who=USER, *, policy=ALWAYS, act=None, **more) -> str:
        async def run() -> str:
            xmpp.connect()
            if act is not None:
                asyncio.get_running_loop().call_later(0.01, act, xmpp)
            return await login(xmpp, who, policy=policy, **({"timeout": 5} | more))

        return asyncio.run(run())

    def test_every_mechanism(self) -> None:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=(1, 5000))
            server = Honest(policy)
            xmpp = XMPP(server)
            with self.subTest(name):
                self.assertEqual(self.log_in(xmpp, policy=policy), name)
                self.assertEqual(server.session.success.mechanism, name)
                self.assertTrue(xmpp.authenticated)
                self.assertEqual(xmpp.features, {"mechanisms"})
                self.assertEqual((xmpp.parsers, xmpp.sent[-1]), (1, "<stream>"))
                self.assertEqual(xmpp.events, ["auth_success"])
                self.assertEqual(xmpp.taken, [True])

    def test_nothing_behind_the_success_where_a_layer_may_be(self) -> None:
        """Who stands in between could have put it there."""
        for layers, welcome in ((["integrity"], False), (["none"], True)):
            policy = sasl.Policy(allow=["DIGEST-MD5"], layers=layers)
            xmpp = XMPP(Honest(policy))
            xmpp.parser.read_events = lambda: [("start", "message")]
            transport = xmpp.transport
            with self.subTest(layers):
                if welcome:
                    self.assertEqual(self.log_in(xmpp, policy=policy), "DIGEST-MD5")
                    transport.pause_reading.assert_not_called()
                    continue
                with self.assertRaisesRegex(sasl.ProtocolError, "spoke on"):
                    self.log_in(xmpp, policy=policy)
                self.assertFalse(xmpp.authenticated)
                self.assertIs(xmpp.transport, transport)
                transport.pause_reading.assert_called_once_with()
                transport.resume_reading.assert_called_once_with()

    def test_the_new_stream_goes_through_the_layer(self) -> None:
        policy = sasl.Policy(allow=["DIGEST-MD5"], layers=["confidentiality"])
        server = Honest(policy)
        xmpp = XMPP(server)
        xmpp.data_received = mock.Mock()
        below = xmpp.transport
        self.log_in(xmpp, policy=policy)
        layer = server.session.layer
        octets = below.write.call_args.args[0]
        self.assertEqual(layer.unwrap(octets), xmpp.stream_header.encode())
        (protocol,) = below.set_protocol.call_args.args
        protocol.data_received(layer.wrap(b"<stream>"))
        xmpp.data_received.assert_called_once_with(b"<stream>")

    def test_a_wrong_password_is_one_attempt(self) -> None:
        server = Honest()
        xmpp = XMPP(server)
        policy = sasl.Policy(allow=["PLAIN", "LOGIN"], cleartext="always")
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.log_in(xmpp, sasl.Credentials("user", "wrong"), policy=policy)
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(server.accounts.asked, ["CheckPassword"])
        ended = ["failed_auth", "failed_all_auth", "disconnected"]
        self.assertEqual(xmpp.events, ended)
        self.assertFalse(xmpp.authenticated)

    def test_no_mechanism_that_will_do(self) -> None:
        xmpp = XMPP(Honest(), names=["PLAIN", None, "X-OTHER"])
        with self.assertRaises(sasl.NoMechanism):
            self.log_in(xmpp, policy=sasl.Policy())
        self.assertEqual(xmpp.sent, [])
        ended = ["no_auth", "failed_all_auth", "disconnected"]
        self.assertEqual(xmpp.events, ended)

    def test_a_refusal_of_the_mechanism_moves_on(self) -> None:
        failure = Element("failure", condition="mechanism-too-weak")
        script = Script(failure, Element("success"))
        xmpp = XMPP(script, names=["CRAM-MD5", "PLAIN"])
        self.assertEqual(self.log_in(xmpp), "PLAIN")
        names = [element.mechanism for element in script.heard]
        self.assertEqual(names, ["CRAM-MD5", "PLAIN"])

    def test_the_texts_are_read_strictly(self) -> None:
        failed = Element("failure", condition="aborted")
        script = Script(Element("challenge", "PDF+\n"), failed)
        xmpp = XMPP(script, names=["CRAM-MD5"])
        with self.assertRaises(sasl.ProtocolError):
            self.log_in(xmpp)
        self.assertEqual(script.heard[-1], Element("abort"))

    def test_what_the_server_says_of_a_failure(self) -> None:
        failure = Element("failure", "Ask Bob", condition="account-disabled")
        xmpp = XMPP(Script(failure), names=["PLAIN"])
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.log_in(xmpp)
        self.assertIs(caught.exception.reason, sasl.Reason.DISABLED)
        self.assertIn("Ask Bob", str(caught.exception))

    def test_early_success_closes_the_stream(self) -> None:
        xmpp = XMPP(Script(Element("success")), names=["SCRAM-SHA-256"])
        with self.assertRaises(sasl.ServerNotAuthenticated):
            self.log_in(xmpp)
        self.assertFalse(xmpp.authenticated)
        self.assertIn("disconnected", xmpp.events)

    def test_a_server_that_is_early(self) -> None:
        xmpp = XMPP(Script(), names=None)
        xmpp.connect = lambda: None
        with self.assertRaises(sasl.StateError):
            self.log_in(xmpp, act=lambda xmpp: xmpp.say(Element("success")))
        self.assertFalse(xmpp.authenticated)

    def test_no_connection_is_made(self) -> None:
        for reason, kind in (
            ("no DNS", ConnectionError),
            (OSError("refused"), OSError),
        ):
            xmpp = XMPP(Script(None), names=["PLAIN"])
            xmpp.connect = lambda: None

            def act(xmpp, reason=reason) -> None:
                xmpp.event("connection_failed", reason)
                xmpp.event("reconnect_delay", 1)

            with self.subTest(reason), self.assertRaises(kind) as caught:
                self.log_in(xmpp, act=act)
            if kind is OSError:
                self.assertIs(caught.exception, reason)

    def test_one_of_several_attempts_makes_it(self) -> None:
        xmpp = XMPP(Honest())
        offer = xmpp.connect
        xmpp.connect = lambda: None

        def act(xmpp) -> None:
            xmpp.event("connection_failed", OSError("no TLS here"))
            offer()

        self.assertTrue(self.log_in(xmpp, act=act))

    def test_the_connection_ends(self) -> None:
        xmpp = XMPP(Script(None), names=["PLAIN"])
        with self.assertRaises(ConnectionError):
            self.log_in(xmpp, act=lambda xmpp: xmpp.event("disconnected"))

    def test_a_server_that_says_nothing(self) -> None:
        with self.assertRaises(TimeoutError):
            self.log_in(XMPP(Script(None), names=["PLAIN"]), timeout=0.02)

    def test_a_token_from_a_coroutine_function(self) -> None:
        asked = []

        async def source(error) -> str:
            asked.append(error and error.status)
            return f"token-{len(asked)}"

        expired = Element("challenge", "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=")
        failed = Element("failure", condition="not-authorized")
        script = Script(expired, failed, Element("success"))
        xmpp = XMPP(script, names=["OAUTHBEARER"])
        who = sasl.Credentials("user", token=source)
        self.assertEqual(self.log_in(xmpp, who), "OAUTHBEARER")
        self.assertEqual(asked, [None, "invalid_token"])

    def test_a_reconnection_logs_in_again(self) -> None:
        xmpp = XMPP(Honest())

        async def run() -> None:
            xmpp.connect()
            await login(xmpp, USER, policy=ALWAYS)
            xmpp.offer(["PLAIN"])  # by mistake: the restarted stream lists them again
            await asyncio.sleep(0)
            xmpp.features.clear()
            xmpp._server = Honest()
            again = asyncio.Event()
            xmpp.add_event_handler("auth_success", lambda _: again.set())
            xmpp.connect()
            await again.wait()

        asyncio.run(asyncio.wait_for(run(), 5))
        self.assertEqual(xmpp.taken, [True, False, True])

    def test_no_secret_is_in_the_traceback(self) -> None:
        failed = Element("failure", condition="not-authorized")
        for name in ("PLAIN", "CRAM-MD5"):
            xmpp = XMPP(Script(failed), names=[name])
            act = functools.partial(
                self.log_in, xmpp, sasl.Credentials("user", "hunter2")
            )
            with self.subTest(name):
                shown = secrets_shown(act, "hunter2", "\0user\0hunter2")
                self.assertEqual(shown, [])


if __name__ == "__main__":
    unittest.main()
