"""Every hostile input to OTP, as data that says what must happen.

Over raw octets and over base64, as in `test_attacks`.
"""

from __future__ import annotations

import time
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.otp import OtpState

from ._attack_cases import attack
from ._data import attacks, ids, octets
from ._drive import Calling, HashCalls, Serving, Store

if TYPE_CHECKING:
    Case = dict[str, Any]

CASES = attacks("otp")
POLICY = sasl.Policy(allow=["OTP"])
CHANNEL = sasl.Channel(True, host="server.example.com", port=143)
WRONG = b"hex:0000000000000000"


def store_of(case: Case) -> Store:
    """Return the account of a case."""
    account = case["setup"]["account"]
    stored = account["otp"]
    last = bytes.fromhex(stored["last_hex"])
    state = OtpState(stored["algorithm"], stored["sequence"], stored["seed"], last)
    return Store(one_time={account["authcid"]: state})


def serving_of(store: Store, profile: sasl.Profile) -> Serving:
    """Make a server."""
    server = sasl.server("OTP", channel=CHANNEL, policy=POLICY, profile=profile)
    return Serving(server, store)


class ServerAttacks(unittest.TestCase):
    """Our server under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """Every step as written, then the verdict."""
        store = store_of(case)
        serving = serving_of(store, profile)
        for step in case["steps"]:
            if step.get("new_exchange"):
                self.assertIsInstance(serving.event, sasl.Success)
                serving = serving_of(store, profile)
            elif "from" in step:
                self.assertFalse(serving.failed)
                serving.receive(octets(step))
            elif "hex" in step:
                self.assertEqual(serving.said, octets(step))
        match case["expected"]:
            case "accept":
                self.assertIsInstance(serving.event, sasl.Success)
                self.assertEqual(serving.event.identity.authzid, case["identity"])
                self.assertEqual(store.one_time["tim"].sequence, 499)
            case "reject-generic":
                self.check_generic(case, serving, profile)
            case verdict:
                self.assertEqual(verdict, "reject")
                self.assertTrue(serving.failed)
                with self.assertRaises(sasl.StateError):
                    serving.server.step(b"")

    def check_generic(
        self, case: Case, serving: Serving, profile: sasl.Profile
    ) -> None:
        """A stable challenge; then the outcome and the work of a wrong password."""
        other = serving_of(store_of(case), profile)
        for step in case["steps"]:
            other.receive(octets(step))
        self.assertRegex(serving.said or b"", rb"\Aotp-sha1 \d{3} \w{10} ext\Z")
        assert serving.said is not None
        fields = [one.said.split() for one in (serving, other) if one.said]
        self.assertEqual(fields[0], fields[1])
        known = serving_of(store_of(case), profile)
        known.receive(b"\0tim")
        with HashCalls() as calls:
            serving.receive(WRONG)
        with HashCalls() as known_calls:
            known.receive(WRONG)
        self.assertEqual(serving.event, known.event)
        self.assertEqual(len(calls.names), len(known_calls.names))


class ClientAttacks(unittest.TestCase):
    """Our client under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """Answers up to the attack, and an error at it."""
        given = case["setup"]["client"]
        who = sasl.Credentials(given["authcid"], given["password"])

        def make() -> Calling:
            return Calling(
                sasl.client(
                    case["setup"]["offered"],
                    who,
                    channel=CHANNEL,
                    policy=POLICY,
                    profile=profile,
                )
            )

        if case["expected"] == "refuse-local":
            self.assertRaises(sasl.CredentialsError, make)
            return
        calling = make()
        calling.begin()
        attack = case.get("attack_step", len(case["steps"]))
        for step in case["steps"][:attack]:
            self.hear(calling, step)
        if case["expected"] == "accept":
            return
        self.assertIn(case["expected"], ("abort", "bounded-abort"))
        started, sent = time.perf_counter(), list(calling.sent)
        with self.assertRaises(sasl.ProtocolError):
            self.hear(calling, case["steps"][attack])
        self.assertLess(time.perf_counter() - started, 0.5)
        self.assertEqual(calling.sent, sent)
        with self.assertRaises(sasl.StateError):
            calling.finish()

    def hear(self, calling: Calling, step: Case) -> None:
        """Give the client what the server of the case says; compare what it says."""
        if step.get("signal") == "success":
            calling.finish()
        elif "from" in step:
            calling.receive(octets(step))
        else:
            self.assertEqual(calling.sent[-1], octets(step))


generated = attack(CASES, ServerAttacks, ClientAttacks)


class CompletenessTest(unittest.TestCase):
    """Every case has a test."""

    def test_all_of_the_file(self) -> None:
        """None is passed over."""
        self.assertEqual(generated, ids(CASES))


if __name__ == "__main__":
    unittest.main()
