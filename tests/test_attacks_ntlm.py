"""Every hostile input to NTLM, as data that says what must happen.

Over raw octets and over base64, as in `test_attacks`.
"""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.mechanisms import _ntlm_messages as messages

from ._attack_cases import attack
from ._data import attacks, ids, octets
from ._drive import Calling, Serving, Store

if TYPE_CHECKING:
    Case = dict[str, Any]

CASES = attacks("ntlm")
MECHANISM = "NTLM"
POLICY = sasl.Policy(allow=[MECHANISM])


def serving_of(case: Case, profile: sasl.Profile) -> Serving:
    """Make the server of a case, with its account."""
    setup = case["setup"]
    account = setup["account"]
    server = sasl.server(
        MECHANISM,
        channel=sasl.Channel(False, host=setup["host"], port=setup["port"]),
        policy=POLICY,
        profile=profile,
        nonce=bytes.fromhex(setup["fixed"]["server_challenge_hex"]),
    )
    return Serving(server, Store({account["authcid"]: account["password"]}))


def client_of(case: Case, profile: sasl.Profile) -> sasl.Client:
    """Make the client of a case."""
    given = case["setup"]["client"]
    return sasl.client(
        case["setup"]["offered"],
        sasl.Credentials(given["authcid"], given["password"]),
        channel=sasl.Channel(False),
        policy=POLICY,
        profile=profile,
    )


class ServerAttacks(unittest.TestCase):
    """Our server under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """A challenge before the attack, and a failure at it."""
        serving = serving_of(case, profile)
        for step in case["steps"][: case["attack_step"]]:
            if "from" in step:
                serving.receive(octets(step))
            else:
                said = messages.read_challenge(serving.said or b"")
                asked = case["setup"]["fixed"]["server_challenge_hex"]
                self.assertEqual(said.server_challenge.hex(), asked)
        serving.receive(octets(case["steps"][case["attack_step"]]))
        self.assertEqual(case["expected"], "reject")
        self.assertIsInstance(serving.event, sasl.Failure)
        self.assertFalse(serving.store.asked)
        with self.assertRaises(sasl.StateError):
            serving.server.step(b"")


class ClientAttacks(unittest.TestCase):
    """Our client under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """Answers up to the attack, and an error at it."""
        calling = Calling(client_of(case, profile))
        calling.begin()
        attack = case["attack_step"]
        for step in case["steps"][:attack]:
            if "from" in step:
                calling.receive(octets(step))
        sent = list(calling.sent)
        self.assertEqual(len(sent), (attack + 1) // 2)
        self.assertEqual(case["expected"], "abort")
        with self.assertRaises(sasl.ProtocolError):
            calling.receive(octets(case["steps"][attack]))
        self.assertEqual(calling.sent, sent)
        with self.assertRaises(sasl.SASLError):
            calling.finish()


generated = attack(CASES, ServerAttacks, ClientAttacks)


class CompletenessTest(unittest.TestCase):
    """Every case has a test."""

    def test_all_of_the_file(self) -> None:
        """None is passed over."""
        self.assertEqual(generated, ids(CASES))


if __name__ == "__main__":
    unittest.main()
