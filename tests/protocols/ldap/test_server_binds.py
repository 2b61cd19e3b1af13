"""A directory's half of a bind, request by request."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.protocols.ldap import _ber as ber
from sasl_core.protocols.ldap import _messages as messages

from ..._accounts import Application, channel, policy
from ._peer import CLEAR, PLAIN, SCRAM, START_TLS, TLS, WRONG, bind, outcome, server


class Binds(unittest.TestCase):
    def test_right(self) -> None:
        peer = server()
        self.assertEqual(peer.result(PLAIN), (0, "", None))
        self.assertEqual(peer.session.identity.authcid, "user")

    def test_wrong(self) -> None:
        peer = server()
        self.assertEqual(peer.result(WRONG), (49, "bad credentials", None))
        self.assertIsNone(peer.session.identity)
        self.assertIs(peer.session.failure.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_the_answer_has_the_number_of_the_request(self) -> None:
        reply = server().say(bind("PLAIN", b"\0user\0pencil", 4711))
        self.assertEqual(messages.read(bytes(reply)).message_id, 4711)

    def test_absent_and_empty_credentials(self) -> None:
        external = {"on": channel("EXTERNAL"), "policy": policy("EXTERNAL")}
        peer = server(**external)
        self.assertEqual(peer.result(bind("EXTERNAL")), (14, "", b""))
        self.assertEqual(peer.result(bind("EXTERNAL", b"", 2)), (0, "", None))
        self.assertEqual(server(**external).code(bind("EXTERNAL", b"")), 0)
        peer = server()
        self.assertEqual(peer.result(bind("PLAIN")), (14, "", b""))
        self.assertEqual(peer.code(bind("PLAIN", None, 2)), 2)

    def test_success_carries_data(self) -> None:
        peer = server(policy=policy("SCRAM-SHA-256"))
        client = sasl.client(
            "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil"),
            channel=TLS,
            policy=policy("SCRAM-SHA-256"),
            profile=profiles.LDAP,
        )
        code, _, data = peer.result(bind("SCRAM-SHA-256", client.start()))
        self.assertEqual(code, 14)
        code, _, data = peer.result(bind("SCRAM-SHA-256", client.step(data), 2))
        self.assertEqual(code, 0)
        client.finish(data)

    def test_frames_that_end_like_lines(self) -> None:
        """Nothing is taken off."""
        peer = server()
        peer.say(bytes(messages.Message(1, 0x4A, b"cn=x\r\n")))
        self.assertEqual(peer.commands[0].body, b"cn=x\r\n")

    def test_every_reason(self) -> None:
        for reason in sasl.Reason:
            peer = server()
            request = peer.session.receive(PLAIN)
            reply = peer.session.resume(request.refuse(reason))
            code = int(profiles.LDAP.reply(reason).split()[0])
            self.assertEqual(outcome(reply), (code, reason.value, None))

    def test_encryption_is_needed(self) -> None:
        self.assertEqual(server(CLEAR).code(PLAIN), 13)

    def test_what_is_not_on_offer(self) -> None:
        for name in ("SKEY", "\xfc", "x" * 1000, "ANONYMOUS"):
            with self.subTest(name):
                self.assertEqual(server().code(bind(name)), 7)

    def test_no_mechanism(self) -> None:
        """RFC 4511, section 4.2.1: that is how a client gives up."""
        peer = server(policy=policy("SCRAM-SHA-256"))
        self.assertEqual(peer.code(SCRAM), 14)
        self.assertEqual(peer.code(bind("", None, 2)), 7)
        self.assertIs(peer.session.failure.reason, sasl.Reason.ABORTED)
        self.assertEqual(peer.code(SCRAM), 14)

    def test_another_bind_ends_the_first(self) -> None:
        for second in (PLAIN, messages.simple_request(1, "user", b"pencil")):
            peer = server(policy=sasl.Policy(), simple=str)
            self.assertEqual(peer.code(SCRAM), 14)
            self.assertEqual(peer.code(second), 0)
            self.assertEqual(peer.session.success.mechanism, "PLAIN")

    def test_a_bind_logs_out_first(self) -> None:
        """RFC 4513, section 4."""
        for second in (WRONG, SCRAM, bind("")):
            peer = server()
            peer.say(PLAIN)
            self.assertIsNotNone(peer.session.identity)
            peer.say(second)
            self.assertIsNone(peer.session.identity)

    def test_so_many_failures_and_no_more(self) -> None:
        peer = server(max_failures=2)
        for _ in range(2):
            self.assertEqual(peer.code(WRONG), 49)
        reply = peer.say(PLAIN)
        self.assertEqual(outcome(reply)[0], 53)
        self.assertTrue(reply.close)
        self.assertEqual(peer.application.asked, ["CheckPassword"] * 2)

    def test_aborts_are_failures_too(self) -> None:
        peer = server(max_failures=2, policy=policy("SCRAM-SHA-256"))
        for _ in range(2):
            peer.say(SCRAM)
            peer.say(bind(""))
        self.assertTrue(peer.say(SCRAM).close)

    def test_too_long(self) -> None:
        peer = server(policy=sasl.Policy(max_message=100))
        self.assertEqual(peer.code(bind("PLAIN", bytes(101))), 2)
        self.assertIs(peer.session.failure.reason, sasl.Reason.TOO_LONG)

    def test_version_2(self) -> None:
        body = ber.number(2) + ber.string("") + ber.tlv(0x80, b"")
        peer = server()
        self.assertEqual(peer.code(bytes(messages.Message(1, messages.BIND, body))), 2)
        self.assertEqual(peer.code(PLAIN), 0)

    def test_an_unknown_authentication(self) -> None:
        body = ber.number(3) + ber.string("") + ber.tlv(0x89, b"NTLM")
        self.assertEqual(
            server().code(bytes(messages.Message(1, messages.BIND, body))), 7
        )

    def test_critical_controls(self) -> None:
        body = messages.read(PLAIN).body
        oid = ber.string("1.2.3")
        for control, code in ((oid + ber.tlv(1, b"\xff"), 12), (oid, 0)):
            frame = messages.Message(1, messages.BIND, body, ber.tlv(0x30, control))
            self.assertEqual(server().code(bytes(frame)), code)

    def test_the_decision_is_told_once(self) -> None:
        peer = server()
        peer.say(PLAIN)
        exchange, success = peer.session.decision()
        self.assertEqual((exchange.name, success.mechanism), ("PLAIN", "PLAIN"))
        self.assertIsNone(peer.session.decision())


class SimpleBinds(unittest.TestCase):
    """PLAIN in other words, where the application knows a name of a name."""

    def bind(self, name: str, password: bytes, on=TLS, **options):
        self.peer = server(on, **options)
        return self.peer.result(messages.simple_request(1, name, password))

    def user(self, name: str) -> str:
        return name.removeprefix("uid=").removesuffix(",dc=example")

    def test_right_and_wrong(self) -> None:
        for name, password, code in (
            ("uid=user,dc=example", b"pencil", 0),
            ("uid=user,dc=example", b"wrong", 49),
            ("uid=nobody,dc=example", b"pencil", 49),
            ("cn=user", b"pencil", 49),
        ):
            with self.subTest(name, password=password):
                found = self.bind(name, password, simple=self.user)
                self.assertEqual(found[0], code)
                self.assertEqual(self.peer.application.asked, ["CheckPassword"])
        self.bind("uid=user,dc=example", b"pencil", simple=self.user)
        self.assertEqual(self.peer.session.identity.authcid, "user")

    def test_as_the_policy_has_it_of_plain(self) -> None:
        for options, code in (
            ({"on": CLEAR, "simple": str}, 13),
            ({"policy": sasl.Policy(deny=["PLAIN"]), "simple": str}, 7),
            ({"policy": sasl.Policy(cleartext="never"), "simple": str}, 7),
            ({}, 7),
        ):
            with self.subTest(code=code, **options):
                self.assertEqual(self.bind("user", b"pencil", **options)[0], code)
                self.assertEqual(self.peer.application.asked, [])

    def test_an_empty_password_is_none(self) -> None:
        """RFC 4513, section 5.1.2."""
        for anonymous in (True, False):
            found = self.bind("uid=user", b"", simple=str, anonymous=anonymous)
            self.assertEqual(found[0], 53)
            self.assertEqual(self.peer.application.asked, [])
            self.assertIsNone(self.peer.session.identity)

    def test_anonymous(self) -> None:
        self.assertEqual(self.bind("", b"")[0], 48)
        self.assertEqual(self.bind("", b"", anonymous=True)[0], 0)
        self.assertIsNone(self.peer.session.identity)

    def test_names_that_are_no_text(self) -> None:
        body = ber.number(3) + ber.tlv(4, b"\xff") + ber.tlv(0x80, b"pencil")
        reply = server(simple=str).say(bytes(messages.Message(1, messages.BIND, body)))
        self.assertTrue(reply.close)
        for password in (b"pen\0cil", b"\xff", b"a\0b\0c"):
            with self.subTest(password):
                self.assertEqual(self.bind("user", password, simple=str)[0], 2)


class Accounts(unittest.TestCase):
    def test_unavailable(self) -> None:
        peer = server()
        peer.session.receive(PLAIN)
        self.assertEqual(outcome(peer.session.unavailable())[0], 52)

    def test_authzid(self) -> None:
        peer = server()
        peer.application = Application(may_act_as=("boss",))
        self.assertEqual(peer.code(bind("PLAIN", b"boss\0user\0pencil")), 0)
        self.assertEqual(peer.session.identity.authzid, "boss")
        self.assertEqual(peer.code(bind("PLAIN", b"root\0user\0pencil")), 50)

    def test_a_users_name_has_a_prefix(self) -> None:
        """RFC 4513, section 5.2.1.8: what is the same user's is not asked about."""
        for authzid, code, found, asked in (
            (b"u:user", 0, "user", 0),
            (b"u:boss", 0, "boss", 1),
            (b"u:root", 50, None, 1),
            (b"dn:cn=boss", 50, None, 1),
            (b"u:", 50, None, 1),
        ):
            peer = server()
            peer.application = Application(may_act_as=("boss",))
            with self.subTest(authzid):
                self.assertEqual(
                    peer.code(bind("PLAIN", authzid + b"\0user\0pencil")), code
                )
                identity = peer.session.identity
                self.assertEqual(identity and identity.authzid, found)
                self.assertEqual(peer.application.asked.count("Authorize"), asked)

    def test_a_name_that_looks_like_one_with_a_prefix(self) -> None:
        peer = server()
        peer.application = Application(username="u:user")
        self.assertEqual(peer.code(bind("PLAIN", b"\0u:user\0pencil")), 0)
        self.assertEqual(peer.session.identity, sasl.Identity("u:user"))


class OpenLDAPsClient(unittest.TestCase):
    """It has a name of its own for the binding, and leaves out -PLUS."""

    def test_it(self) -> None:
        on = channel("SCRAM-SHA-256-PLUS")
        end_point = next(b for b in on.bindings if b.type == "tls-server-end-point")
        theirs = sasl.ChannelBinding("ldap", b"tls-server-end-point:" + end_point.data)
        for binding, code in (
            (theirs, 0),
            (theirs.replace(data=end_point.data), 49),
            (theirs.replace(type="tls-server-end-point"), 49),
        ):
            both = policy("x", allow=["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])
            peer = server(on, policy=both)
            client = sasl.client(
                "SCRAM-SHA-256-PLUS",
                sasl.Credentials("user", "pencil"),
                channel=on.replace(bindings=[binding]),
                policy=policy("SCRAM-SHA-256-PLUS"),
                profile=profiles.LDAP,
            )
            with self.subTest(binding.type, code=code):
                asked = peer.result(bind("SCRAM-SHA-256", client.start()))
                final = client.step(asked[2])
                self.assertEqual(peer.code(bind("SCRAM-SHA-256", final, 2)), code)
                if not code:
                    self.assertTrue(peer.session.success.bound)

    def test_where_nothing_can_be_bound(self) -> None:
        first = b"p=ldap,,n=user,r=abc"
        peer = server(policy=policy("SCRAM-SHA-256"))
        self.assertEqual(peer.code(bind("SCRAM-SHA-256", first)), 7)
        self.assertEqual(peer.code(bind("PLAIN", first)), 7)
        only = policy("SCRAM-SHA-256-PLUS")
        unique = TLS.replace(bindings=[sasl.ChannelBinding("tls-unique", b"x")])
        peer = server(unique, policy=only)
        self.assertEqual(peer.code(bind("SCRAM-SHA-256", first)), 7)

    def test_over_starttls(self) -> None:
        peer = server(CLEAR, starttls=True)
        peer.say(START_TLS)
        peer.session.secured(channel("SCRAM-SHA-256-PLUS"))
        names = [binding.type for binding in peer.session.channel.bindings]
        self.assertEqual(names[-1], "ldap")
        self.assertEqual(
            names[:-1], [b.type for b in channel("SCRAM-SHA-1-PLUS").bindings]
        )


if __name__ == "__main__":
    unittest.main()
