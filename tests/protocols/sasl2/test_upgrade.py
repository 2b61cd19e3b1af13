"""The upgrade of SCRAM's keys after a login (XEP-0480)."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.mechanisms.scram_upgrade import UPGRADES
from sasl_core.protocols.sasl2 import ClientSession, Element

from ... import _accounts as accounts
from ._pair import (
    CHANNEL,
    DEVICE,
    PASSWORD,
    POLICY,
    SCRAM,
    client,
    failure,
    features,
    names,
    run,
    say,
    server,
)

TASKS = ("UPGR-SCRAM-SHA-512", "UPGR-SCRAM-SHA3-512")
UPGRADE = "urn:xmpp:sasl:upgrade:0"
ANSWERS = (sasl.FindScramKeys, sasl.SaveScramKeys)
ONLY = POLICY.replace(allow=[SCRAM])


class Application(accounts.Application):
    saved: dict[str, sasl.ScramKeys]
    takes = True

    def settle(self, request: sasl.Request) -> object:
        if not isinstance(request, sasl.SaveScramKeys):
            return super().settle(request)
        self.saved = {
            **getattr(self, "saved", {}),
            request.keys.hash_name: request.keys,
        }
        return request.answer(self.takes)


class Upgrades(unittest.TestCase):
    def setUp(self) -> None:
        self.application = Application()
        self.theirs = server(policy=ONLY, answers=ANSWERS, upgrades=TASKS)

    def client(self, tasks=TASKS, credentials=PASSWORD):
        policy = ONLY.replace(iterations=(1, 5000))
        return client(self.theirs, credentials, policy=policy, upgrades=tasks)

    def test_both(self) -> None:
        mine = self.client()
        said = run(mine, self.theirs, self.application.settle)
        self.assertEqual(
            names(said)[2:],
            [
                *("response", "continue", "next", "task-data", "task-data", "continue"),
                *("next", "task-data", "task-data", "success"),
            ],
        )
        self.assertTrue(mine.authenticated)
        self.assertEqual(self.theirs.identity.authcid, accounts.USER)
        for hash_name in ("sha512", "sha3_512"):
            keys = self.application.saved[hash_name]
            made = sasl.ScramKeys.derive(
                accounts.PASSWORD,
                hash_name,
                iterations=keys.iterations,
                salt=keys.salt,
            )
            self.assertEqual(keys, made)

    def test_only_what_is_asked_for(self) -> None:
        for tasks, credentials in (
            ((), PASSWORD),
            (("UPGR-SCRAM-SHA-256",), PASSWORD),
        ):
            mine = self.client(tasks, credentials)
            self.assertEqual(mine.begin().all("upgrade", UPGRADE), ())

    def test_keys_without_a_password_make_no_others(self) -> None:
        keys = sasl.ScramClientKeys.derive(
            accounts.PASSWORD, "sha256", iterations=accounts.ITERATIONS, salt=b"salt"
        )
        mine = self.client(credentials=sasl.Credentials(accounts.USER, keys=keys))
        self.assertEqual(mine.begin().all("upgrade", UPGRADE), ())

    def test_not_after_a_token(self) -> None:
        """Whoever got hold of one could set a password of his own."""
        policy = ONLY.replace(allow=["XOAUTH2", "HT-SHA-256-NONE"])
        answers = (
            *ANSWERS,
            sasl.CheckToken,
            sasl.FindHashedTokens,
            sasl.UseHashedToken,
        )
        hashed = accounts.hashed_token(accounts.PASSWORD)
        for who, options in (
            (PASSWORD.replace(token=accounts.TOKEN), {}),
            (PASSWORD.replace(hashed_token=hashed), {"device": DEVICE}),
        ):
            theirs = server(policy=policy, answers=answers, upgrades=TASKS)
            mine = client(theirs, who, policy=policy, upgrades=TASKS, **options)
            said = run(mine, theirs, self.application.settle)
            with self.subTest(mine.mechanism):
                self.assertEqual(said[0].all("upgrade", UPGRADE), ())
                self.assertTrue(mine.authenticated)
            theirs = server(policy=policy, answers=answers, upgrades=TASKS)
            asks = [Element("upgrade", task, namespace=UPGRADE) for task in TASKS]
            asked = said[0].replace(children=(*said[0].children, *asks))
            said = say(theirs, asked, self.application.settle)
            with self.subTest(mine.mechanism):
                self.assertEqual(said.name, "success")

    def test_not_where_the_server_has_neither_proved_itself_nor_seen_the_password(
        self,
    ) -> None:
        """What it would get serves as well as the password, for a salt of its choice."""
        for name, welcome in (
            ("CRAM-MD5", False),
            ("EXTERNAL", False),
            ("PLAIN", True),
        ):
            policy = POLICY.replace(allow=[name])
            theirs = server(CHANNEL.replace(external="user"), policy=policy)
            offer = [Element("upgrade", TASKS[0], namespace=UPGRADE)]
            told = features(theirs).children[0]
            told = told.replace(children=(*told.children, *offer))
            mine = ClientSession(
                Element("features", children=[told]),
                PASSWORD,
                channel=theirs.channel,
                policy=policy,
                upgrades=TASKS,
            )
            element = mine.begin()
            with self.subTest(name):
                self.assertEqual(bool(element.all("upgrade", UPGRADE)), welcome)
                while (said := say(theirs, element)).name == "challenge":
                    element = mine.receive(said)
                tasks = Element("tasks", children=[Element("task", TASKS[0])])
                if welcome:
                    self.assertEqual(
                        mine.receive(Element("continue", children=[tasks])).name, "next"
                    )
                    continue
                with self.assertRaises(sasl.AuthenticationError):
                    mine.receive(Element("continue", children=[tasks]))

    def test_what_was_asked_for_with_another_mechanism(self) -> None:
        """It is not to be done after the next one, where that is not fit for it."""
        policy = POLICY.replace(allow=["CRAM-MD5", SCRAM])
        mine = client(
            server(
                policy=policy, answers=(*ANSWERS, sasl.FindPassword), upgrades=TASKS
            ),
            policy=policy,
            upgrades=TASKS,
        )
        self.assertEqual(len(mine.begin().all("upgrade", UPGRADE)), 2)
        element = mine.receive(failure("mechanism-too-weak"))
        self.assertEqual(element.get("mechanism"), "CRAM-MD5")
        mine.receive(Element("challenge", "PDFAaD4="))
        tasks = Element("tasks", children=[Element("task", TASKS[0])])
        with self.assertRaises(sasl.AuthenticationError):
            mine.receive(Element("continue", children=[tasks]))

    def test_only_what_can_be_done(self) -> None:
        clear = sasl.Channel(False, host="im.example.org")
        for options, offered in (
            ({}, 2),
            ({"channel": clear, "policy": POLICY}, 0),
            ({"answers": ANSWERS[:1]}, 0),
        ):
            theirs = server(
                **{"policy": ONLY, "answers": ANSWERS} | options, upgrades=TASKS
            )
            told = theirs.features()[0]
            with self.subTest(options):
                self.assertEqual(len(told.all("upgrade", UPGRADE)), offered)
        self.assertEqual(
            len(server(upgrades=UPGRADES).features()[0].all("upgrade", UPGRADE)), 6
        )
        for none in ("UPGR-SCRAM-SHA-512", ["UPGR-SHA-512"]):
            with self.subTest(none), self.assertRaises(ValueError):
                server(upgrades=none)
            with self.subTest(none), self.assertRaises(ValueError):
                self.client(none)

    def test_nobody_is_in_before_the_end(self) -> None:
        mine = self.client()
        said = say(self.theirs, mine.begin())
        said = say(self.theirs, mine.receive(said))
        self.assertEqual(said.name, "continue")
        self.assertIsNone(self.theirs.identity)
        for element in (
            Element("task-data"),
            Element("next", attributes={"task": TASKS[1]}),
            Element("next"),
            Element("response"),
        ):
            theirs, twin = self.again(mine)
            with self.subTest(element):
                refused = say(theirs, element)
                self.assertEqual((refused.name, refused.close), ("failure", True))
                self.assertIsNone(theirs.identity)
                self.assertFalse(twin.authenticated)

    def test_no_response_is_due_in_a_task(self) -> None:
        mine = self.client()
        said = say(self.theirs, mine.receive(say(self.theirs, mine.begin())))
        say(self.theirs, mine.receive(said))
        refused = say(self.theirs, Element("response", "QUJD" * 21 + "QQ=="))
        self.assertEqual((refused.name, refused.close), ("failure", True))

    def again(self, mine):
        from copy import deepcopy

        return deepcopy(self.theirs), deepcopy(mine)

    def test_a_hash_that_cannot_be(self) -> None:
        for text in ("", "QUJD", "!", "é"):
            self.setUp()
            mine = self.client()
            said = say(self.theirs, mine.begin())
            said = say(self.theirs, mine.receive(said))
            say(self.theirs, mine.receive(said))
            hashed = Element("hash", text, namespace="urn:xmpp:scram-upgrade:0")
            said = say(self.theirs, Element("task-data", children=[hashed]))
            with self.subTest(text):
                self.assertEqual(said.children[0].name, "malformed-request")
                self.assertIsNone(self.theirs.identity)
                # As if nothing had been: another login may follow.
                run(self.client(()), self.theirs, self.application.settle)
                self.assertIsNotNone(self.theirs.identity)

    def test_keys_that_are_not_taken(self) -> None:
        self.application.takes = False
        mine = self.client()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            run(mine, self.theirs, self.application.settle)
        self.assertIs(caught.exception.reason, sasl.Reason.NOT_AUTHORIZED)
        self.assertIsNone(self.theirs.identity)
        self.assertFalse(mine.authenticated)

    def test_not_before_the_server_has_proved_itself(self) -> None:
        mine = self.client()
        mine.receive(say(self.theirs, mine.begin()))
        tasks = Element("tasks", children=[Element("task", TASKS[0])])
        for children in ((tasks,), (Element("additional-data", "dj1YWFhY"), tasks)):
            _, twin = self.again(mine)
            with self.assertRaises(sasl.ServerNotAuthenticated):
                twin.receive(Element("continue", children=children))

    def test_what_a_server_may_not_say(self) -> None:
        mine = self.client()
        said = say(self.theirs, mine.begin())
        proof = say(self.theirs, mine.receive(said)).child("additional-data")
        tasks = Element("tasks", children=[Element("task", TASKS[0])])
        mine.receive(Element("continue", children=[proof, tasks]))
        salt = Element(
            "salt",
            "c2FsdA==",
            namespace="urn:xmpp:scram-upgrade:0",
            attributes={"iterations": "9999999"},
        )
        for element in (
            Element("challenge"),
            Element("continue", children=[tasks]),
            Element("task-data"),
            Element("task-data", children=[salt]),
            Element("success", children=[proof]),
        ):
            _, twin = self.again(mine)
            with self.subTest(element), self.assertRaises(sasl.ProtocolError):
                twin.receive(element)
            self.assertFalse(twin.authenticated)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(failure("temporary-auth-failure", "no\ndatabase"))
        self.assertEqual(caught.exception.reply, "temporary-auth-failure: no?database")
        self.assertIn(f"after {SCRAM}", str(caught.exception))

    def test_no_task_twice(self) -> None:
        mine = self.client(TASKS[:1])
        said = say(self.theirs, mine.begin())
        said = say(self.theirs, mine.receive(said))
        tasks = said.child("tasks")
        said = say(self.theirs, mine.receive(said))
        mine.receive(said)
        with self.assertRaises(sasl.AuthenticationError):
            mine.receive(Element("continue", children=[tasks]))
