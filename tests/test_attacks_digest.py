"""Every hostile input to DIGEST-MD5, as data that says what must happen.

Over raw octets and over base64, as in `test_attacks`.
"""

from __future__ import annotations

import random
import time
import tracemalloc
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl

from ._attack_cases import attack
from ._data import attacks, ids, octets
from ._drive import Calling, HashCalls, Serving, Store
from .test_vectors_digest import directives

if TYPE_CHECKING:
    Case = dict[str, Any]

CASES = attacks("digest-md5")
MECHANISM = "DIGEST-MD5"
POLICY = sasl.Policy(allow=[MECHANISM])
BY_HAND = {"DIG-C-25": "test_DIG_C_25_nonces_are_unpredictable"}
WRONG_PASSWORD = next(case for case in CASES if case["id"] == "DIG-S-45")


def channel(fixed: Case) -> sasl.Channel:
    """Return what both sides know of the connection."""
    return sasl.Channel(True, service=fixed["service"], host=fixed["host"])


def serving_of(case: Case, profile: sasl.Profile) -> Serving:
    """Make the server of a case, with its account."""
    fixed, account = case["setup"]["fixed"], case["setup"]["account"]
    server = sasl.server(
        MECHANISM,
        channel=channel(fixed),
        policy=POLICY,
        profile=profile,
        realm=fixed["realm"],
        nonce=fixed["nonce"].encode(),
    )
    return Serving(server, Store({account["authcid"]: account["password"]}))


def client_of(case: Case, profile: sasl.Profile) -> sasl.Client:
    """Make the client of a case."""
    given, fixed = case["setup"]["client"], case["setup"]["fixed"]
    return sasl.client(
        case["setup"]["offered"],
        sasl.Credentials(given["authcid"], given["password"], realm=given["realm"]),
        channel=channel(fixed),
        policy=POLICY,
        profile=profile,
        nonce=fixed["cnonce"].encode(),
    )


def seen_by_peer(case: Case, profile: sasl.Profile) -> tuple[Any, ...]:
    """Return the outcome, the calls of hashes, and the questions."""
    serving = serving_of(case, profile)
    serving.begin()
    with HashCalls() as calls:
        serving.receive(octets(case["steps"][1]))
    kinds = [type(request) for request in serving.store.asked]
    return serving.event, calls.names, kinds


class ServerAttacks(unittest.TestCase):
    """Our server under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """The challenge as written, then the verdict."""
        serving = serving_of(case, profile)
        serving.begin()
        first, attack = case["steps"]
        self.assertEqual(directives(serving.said or b""), directives(octets(first)))
        text = profile.encode(octets(attack))
        started = time.perf_counter()
        tracemalloc.start()
        try:
            serving.receive_text(text)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        if case["expected"] == "accept":
            self.assertTrue((serving.said or b"").startswith(b"rspauth="))
            serving.close()
            self.assertIsInstance(serving.event, sasl.Success)
            self.assertEqual(serving.event.identity.authzid, case["identity"])
            return
        self.assertIsInstance(serving.event, sasl.Failure)
        with self.assertRaises(sasl.StateError):
            serving.server.step(text)
        match case["expected"]:
            case "reject-generic":
                wrong = seen_by_peer(WRONG_PASSWORD, profile)
                self.assertEqual(seen_by_peer(case, profile), wrong)
            case "bounded-reject":
                self.assertLess(time.perf_counter() - started, 1)
                self.assertLess(peak, max(len(text), 65536))
            case verdict:
                self.assertEqual(verdict, "reject")


class ClientAttacks(unittest.TestCase):
    """Our client under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """Answers up to the attack, and an error at it."""
        calling = Calling(client_of(case, profile))
        attack = case.get("attack_step", len(case["steps"]))
        for step in case["steps"][:attack]:
            self.hear(calling, step)
        if case["expected"] == "accept":
            self.assertEqual(len(calling.sent), 2)
            return
        self.assertEqual(case["expected"], "abort")
        sent = list(calling.sent)
        with self.assertRaises(sasl.SASLError):
            self.hear(calling, case["steps"][attack])
        self.assertEqual(calling.sent, sent)
        with self.assertRaises(sasl.SASLError):
            calling.finish()

    def hear(self, calling: Calling, step: Case) -> None:
        """Give the client what the server of the case says; compare what it says."""
        if step.get("signal") == "success":
            calling.finish()
        elif "from" in step:
            calling.receive(octets(step))
        elif "hex" in step:
            self.assertEqual(calling.sent[-1], octets(step))


class PropertyTest(unittest.TestCase):
    """What no message shows."""

    def test_DIG_C_25_nonces_are_unpredictable(self) -> None:
        """A thousand of each side's are distinct, and no seed repeats them."""
        case = next(case for case in CASES if case["id"] == "DIG-C-25")
        where = channel(case["setup"]["fixed"])
        found = set()
        for number in range(1000):
            random.seed(number % 2)
            who = sasl.Credentials("chris", "secret")
            raw = sasl.profiles.RAW
            server = sasl.server(MECHANISM, channel=where, policy=POLICY, profile=raw)
            client = sasl.client(
                MECHANISM, who, channel=where, policy=POLICY, profile=raw
            )
            response = client.step(server.start().data)
            found |= {pair for pair in directives(response) if "nonce" in pair[0]}
        self.assertEqual(len(found), 2000)


generated = attack(
    [case for case in CASES if case["id"] not in BY_HAND], ServerAttacks, ClientAttacks
)


class CompletenessTest(unittest.TestCase):
    """Every case has a test."""

    def test_all_of_the_file(self) -> None:
        """None is passed over, and none by hand is missing."""
        self.assertEqual(generated | BY_HAND.keys(), ids(CASES))
        for name in BY_HAND.values():
            self.assertTrue(hasattr(PropertyTest, name))


if __name__ == "__main__":
    unittest.main()
