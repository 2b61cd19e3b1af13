"""SCRAM's protection of what was advertised (XEP-0474), both sides."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core._choosing import choose

from .. import _accounts as accounts
from .. import _play
from .._drive import hash_of

MECHANISMS = ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1")
BINDINGS = ("tls-exporter", "tls-server-end-point")
TOLD = sasl.Advertised(MECHANISMS, BINDINGS)


def play(mine: Any, theirs: Any, name: str = "SCRAM-SHA-1") -> _play.Outcome:
    """Run an exchange by what came to the client, and what the server sent."""
    on, policy = accounts.channel(name), accounts.policy(name)
    client = sasl.client(
        name,
        sasl.Credentials(accounts.USER, accounts.PASSWORD),
        channel=on,
        policy=policy,
        profile=profiles.RAW,
        advertised=mine,
    )
    server = sasl.server(
        name, channel=on, policy=policy, profile=profiles.RAW, advertised=theirs
    )
    return _play.play(client, server)


def first(outcome: _play.Outcome) -> bytes:
    """Return the server-first message."""
    return next(message for side, message in outcome.transcript if side == "S")


class DowngradeTest(unittest.TestCase):
    """What the server says that it advertised, and what came."""

    def test_the_example(self) -> None:
        """The hash is that of XEP-0474 0.5.0, section 6.3."""
        outcome = play(TOLD, TOLD)
        self.assertTrue(outcome.succeeded)
        self.assertTrue(first(outcome).endswith(b",h=G6k/rBLDqgOhRRaCuuatSDFkJ08="))

    def test_the_order_does_not_count(self) -> None:
        """They are sorted by their octets, whatever the list was like."""
        turned = sasl.Advertised(MECHANISMS[::-1], BINDINGS[::-1])
        self.assertTrue(play(turned, TOLD).succeeded)

    def test_what_was_taken_away_shows(self) -> None:
        """A mechanism, a type of binding, all types, or an addition."""
        for came in (
            sasl.Advertised(MECHANISMS[1:], BINDINGS),
            sasl.Advertised(MECHANISMS, BINDINGS[1:]),
            sasl.Advertised(MECHANISMS, ()),
            sasl.Advertised(MECHANISMS),
            sasl.Advertised((*MECHANISMS, "PLAIN"), BINDINGS),
            sasl.Advertised((), (*MECHANISMS, *BINDINGS)),
        ):
            outcome = play(came, TOLD)
            with self.subTest(came):
                self.assertIsInstance(outcome.error, sasl.ServerNotAuthenticated)
                self.assertEqual(len(outcome.transcript), 2)  # no proof went out

    def test_who_does_not_know_it(self) -> None:
        """A server need not say it, nor a client look at it."""
        self.assertTrue(play(TOLD, None).succeeded)
        self.assertNotIn(b",h=", first(play(TOLD, None)))
        self.assertTrue(play(None, TOLD).succeeded)

    def test_it_cannot_be_changed_or_left_out(self) -> None:
        """The proof covers it."""
        for change in (b"", b",h=" + b"A" * 27 + b"="):
            on, policy = accounts.channel("SCRAM-SHA-1"), accounts.policy("SCRAM-SHA-1")
            facts: Any = {"channel": on, "policy": policy, "profile": profiles.RAW}
            mine = sasl.Credentials(accounts.USER, accounts.PASSWORD)
            client = sasl.client("SCRAM-SHA-1", mine, **facts)
            server = sasl.server("SCRAM-SHA-1", **facts, advertised=TOLD)
            keys = accounts.keys(accounts.PASSWORD, "sha1")
            said = server.start(client.start()).answer(keys).data
            event = server.step(client.step(said.partition(b",h=")[0] + change))
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_among_other_extensions(self) -> None:
        """Such as the d= of older versions of the XEP, which is not looked at."""
        right = b"h=G6k/rBLDqgOhRRaCuuatSDFkJ08="
        for behind, error in (
            (b",d=AAAA," + right, None),
            (b"," + right + b",d=AAAA", None),
            (b",d=AAAA", None),
            (b",d=AAAA,h=AAAA", sasl.ServerNotAuthenticated),
            (b",h=AAAA,d=AAAA", sasl.ServerNotAuthenticated),
            (b"," + right + b"," + right, sasl.ProtocolError),
        ):
            client = sasl.client(
                "SCRAM-SHA-1",
                sasl.Credentials(accounts.USER, accounts.PASSWORD),
                channel=accounts.channel("SCRAM-SHA-1"),
                policy=accounts.policy("SCRAM-SHA-1"),
                profile=profiles.RAW,
                advertised=TOLD,
                nonce=b"abc",
            )
            client.start()
            said = b"r=abcdef,s=QQ==,i=%d" % accounts.ITERATIONS + behind
            with self.subTest(behind):
                if error is None:
                    self.assertTrue(client.step(said))
                    continue
                with self.assertRaises(error):
                    client.step(said)

    def test_by_the_mechanism_s_hash(self) -> None:
        """As long as that; bound or not."""
        for name in accounts.SCRAMS:
            outcome = play(TOLD, TOLD, name)
            hash_size = sasl.ScramKeys.derive("x", hash_of(name), iterations=1)
            with self.subTest(name):
                self.assertTrue(outcome.succeeded)
                value = first(outcome).partition(b",h=")[2]
                size = len(hash_size.stored_key)
                self.assertEqual(len(value), (size + 2) // 3 * 4)

    def test_for_an_unknown_user_too(self) -> None:
        """He looks like any other."""
        facts: Any = {
            "channel": accounts.channel("SCRAM-SHA-1"),
            "policy": accounts.policy("SCRAM-SHA-1"),
            "profile": profiles.RAW,
            "advertised": TOLD,
        }
        said = sasl.server("SCRAM-SHA-1", **facts).start(b"n,,n=nobody,r=abc")
        self.assertIn(b",h=G6k/", said.deny().data)

    def test_a_binding_that_the_server_has(self) -> None:
        """The first of ours that was advertised; the first of all where none was."""
        name = "SCRAM-SHA-256-PLUS"
        mine = sasl.Credentials(accounts.USER, accounts.PASSWORD)
        for types, bound in (
            (("tls-server-end-point",), b"p=tls-server-end-point,,"),
            (("tls-unique", "tls-server-end-point"), b"p=tls-server-end-point,,"),
            (BINDINGS, b"p=tls-exporter,,"),
            (("tls-unique", "x"), b"p=tls-unique,,"),
            (("x",), b"p=tls-exporter,,"),
            ((), b"p=tls-exporter,,"),
            (None, b"p=tls-exporter,,"),
        ):
            client = sasl.client(
                [name],
                mine,
                channel=accounts.channel(name, bindings=accounts.BINDINGS),
                policy=accounts.policy(name),
                profile=profiles.RAW,
                advertised=sasl.Advertised([name], types),
            )
            with self.subTest(types):
                self.assertTrue((client.start() or b"").startswith(bound))

    def strangers(self, names: list[str], types: Any, **policy: Any) -> sasl.Client:
        """Make a client that has none of the types that a server has."""
        on = accounts.channel("SCRAM-SHA-1-PLUS", bindings=accounts.BINDINGS[1:2])
        return sasl.client(
            names,
            sasl.Credentials(accounts.USER, accounts.PASSWORD),
            channel=on,
            policy=sasl.Policy(iterations=(accounts.ITERATIONS, 9999), **policy),
            profile=profiles.RAW,
            advertised=sasl.Advertised(names, types),
        )

    def test_none_of_the_bindings(self) -> None:
        """SCRAM without one, if the server proves that it was he who has no other."""
        names = ["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "PLAIN"]
        for types in (["tls-exporter"], []):
            told = sasl.Advertised(names, types)
            for theirs, error in (
                (told, ""),
                (None, "somebody may stand in between"),
                (sasl.Advertised(names, BINDINGS), "somebody stands in between"),
            ):
                client = self.strangers(names, types)
                server = sasl.server(
                    "SCRAM-SHA-1",
                    channel=accounts.channel("SCRAM-SHA-1-PLUS"),
                    policy=accounts.policy("SCRAM-SHA-1", allow=names),
                    profile=profiles.RAW,
                    advertised=theirs,
                )
                outcome = _play.play(client, server)
                with self.subTest(types, theirs=theirs):
                    self.assertEqual(client.name, "SCRAM-SHA-1")
                    self.assertTrue(outcome.transcript[0][1].startswith(b"n,,"))
                    self.assertEqual(outcome.succeeded, not error)
                    if error:
                        self.assertIsInstance(
                            outcome.error, sasl.ServerNotAuthenticated
                        )
                        self.assertIn(error, str(outcome.error))

    def test_where_it_stays_with_its_own_binding(self) -> None:
        """Without SCRAM's other name, where the policy demands it, or nothing was told."""
        plus = "SCRAM-SHA-1-PLUS"
        for names, types, policy in (
            ([plus, "PLAIN"], ["tls-exporter"], {}),
            ([plus, "SCRAM-SHA-256"], ["tls-exporter"], {}),
            ([plus, "SCRAM-SHA-1"], ["tls-exporter"], {"channel_binding": "require"}),
            ([plus, "SCRAM-SHA-1"], ["tls-exporter"], {"deny": ["SCRAM-SHA-1"]}),
            ([plus, "SCRAM-SHA-1"], None, {}),
            ([plus, "SCRAM-SHA-1"], ["tls-server-end-point"], {}),
        ):
            client = self.strangers(names, types, **policy)
            with self.subTest(names, types=types, policy=policy):
                self.assertEqual(client.name, plus)
                said = client.start() or b""
                self.assertTrue(said.startswith(b"p=tls-server-end-point,,"))

    def test_where_nothing_is_to_be_proved(self) -> None:
        """No -PLUS is offered: we could bind. It is not wanted, and would be possible."""
        plus = "SCRAM-SHA-1-PLUS"
        for names, types, flag, policy in (
            (["SCRAM-SHA-1"], ["tls-exporter"], b"y,,", {}),
            (["SCRAM-SHA-1", plus], BINDINGS, b"n,,", {"deny": [plus]}),
        ):
            client = self.strangers(names, types, **policy)
            with self.subTest(names):
                said = client.start() or b""
                self.assertTrue(said.startswith(flag))
                nonce = said.partition(b",r=")[2]
                server_first = b"r=%bx,s=QQ==,i=%d" % (nonce, accounts.ITERATIONS)
                self.assertTrue(client.step(server_first))
        gss = sasl.Credentials(gss=lambda *_: None)
        both = ("GS2-KRB5", "GS2-KRB5-PLUS")
        chosen = choose(
            both,
            gss,
            channel=accounts.channel(plus, bindings=accounts.BINDINGS[1:2]),
            policy=sasl.Policy(),
            advertised=sasl.Advertised(both, ["tls-exporter"]),
        )
        self.assertEqual(chosen.name, "GS2-KRB5-PLUS")  # whose server proves nothing

    def test_words_that_hold_a_separator(self) -> None:
        """They could be taken for two."""
        for words in (("A\x1eB",), ("A\x1f",)):
            with self.assertRaises(ValueError):
                sasl.Advertised(words)
            with self.assertRaises(ValueError):
                sasl.Advertised((), words)
        for wrong in (("SCRAM-SHA-1",), ((), "tls-unique")):
            with self.assertRaises(TypeError):
                sasl.Advertised(*wrong)


if __name__ == "__main__":
    unittest.main()
