"""Every hostile input to HT, as data that says what must happen.

Over raw octets and over base64; in the wire format of the older drafts, as they stand,
and rewritten for the newer ones: what must happen is the same.
"""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core._hashed_token import DRAFTS

from ._data import add_test, attacks, ids, method_name, octets
from ._drive import PROFILES, Calling, HashCalls, Serving, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    Case = dict[str, Any]

CASES = attacks("ht")
USER = "user"
MECHANISM = "HT-SHA-256-EXPR"
CONTROL = next(case for case in CASES if case["id"] == "HTX-S-C01")
BINDING = sasl.ChannelBinding(
    "tls-exporter", bytes.fromhex(CONTROL["setup"]["channel_binding"]["data_hex"])
)
CHANNEL = sasl.Channel(True, bindings=[BINDING])
TOKEN = sasl.HashedToken(
    bytes.fromhex(CONTROL["setup"]["account"]["token_hex"]).decode()
)


def rewritten(message: bytes, draft: str) -> bytes:
    """Write a first message of the older drafts as a newer one has it."""
    name, nul, proof = message.partition(b"\0")
    return name + nul + nul + proof if draft == "ietf-02" else message


def serving_of(case: Case, profile: sasl.Profile, draft: Any) -> Serving:
    """Make the server of a case; a token that expired, or was used, is there no more."""
    account = case["setup"]["account"]
    gone = account.get("consumed") or account["expires"] < "2026"
    server = sasl.server(
        case["mechanism"],
        channel=CHANNEL,
        policy=sasl.Policy(allow=[MECHANISM], ht_draft=draft),
        profile=profile,
    )
    return Serving(server, Store(hashed_tokens={} if gone else {USER: (TOKEN,)}))


def attacked(case: Case, profile: sasl.Profile, draft: str) -> tuple[Any, list[str]]:
    """Return what the server says in the end, and its calls of hashes."""
    serving = serving_of(case, profile, draft)
    with HashCalls() as calls:
        serving.receive(rewritten(octets(case["steps"][0]), draft))
        if serving.said == b"\x01invalid-token":
            serving.receive(b"")
    return serving.event, calls.names


class ServerAttacks(unittest.TestCase):
    """Our server under attack."""

    def check(self, case: Case, profile: sasl.Profile, draft: Any) -> None:
        """The verdict; one that must look like any other is the wrong token's."""
        event, calls = attacked(case, profile, draft)
        if case["expected"] == "accept":
            serving = serving_of(case, profile, draft)
            serving.receive(rewritten(octets(case["steps"][0]), draft))
            self.assertTrue(serving.said)
            serving.close()
            self.assertEqual(serving.event.identity.authcid, case["identity"])
            return
        self.assertIsInstance(event, sasl.Failure)
        if case["expected"] == "reject-generic":
            wrong = next(case for case in CASES if case["id"] == "HTX-S-07")
            self.assertEqual((event, calls), attacked(wrong, profile, draft))
        else:
            self.assertEqual(case["expected"], "reject")


class ClientAttacks(unittest.TestCase):
    """Our client under attack."""

    def check(self, case: Case, profile: sasl.Profile, draft: Any) -> None:
        """It never comes to believe the server."""
        bound = CHANNEL if case["steps"] else sasl.Channel(True)

        def begin() -> Calling:
            client = sasl.client(
                case["setup"]["offered"],
                sasl.Credentials(USER, hashed_token=TOKEN),
                channel=bound,
                policy=sasl.Policy(allow=[MECHANISM], ht_draft=draft),
                profile=profile,
            )
            return Calling(client)

        if case["expected"] == "refuse-local":
            with self.assertRaises(sasl.NoMechanism):
                begin()
            return
        self.assertEqual(case["expected"], "abort")
        calling = begin()
        calling.begin()
        first, attack = case["steps"]
        if draft == "schmaus-09":
            self.assertEqual(calling.sent, [octets(first)])
        data = octets(attack) if "hex" in attack else None
        if data is not None and not profile.success_data:
            with self.assertRaises(sasl.SASLError):
                calling.receive(data)
            return
        with self.assertRaises(sasl.SASLError):
            calling.finish(data)


generated: set[str] = set()


def _add_tests() -> None:
    sides: dict[str, type[ServerAttacks | ClientAttacks]]
    sides = {"server": ServerAttacks, "client": ClientAttacks}
    for case in CASES:
        generated.add(case["id"])
        for profile in PROFILES:
            for draft in DRAFTS:
                name = method_name(case["id"], profile.name, draft)
                add_test(sides[case["side"]], name, _method(case, profile, draft))


def _method(case: Case, profile: sasl.Profile, draft: str) -> Callable[[Any], None]:
    def method(self: ServerAttacks | ClientAttacks) -> None:
        self.check(case, profile, draft)

    return method


_add_tests()


class CompletenessTest(unittest.TestCase):
    """No case is passed over."""

    def test_every_case_is_run(self) -> None:
        """The file's ids, all of them."""
        self.assertEqual(generated, ids(CASES))


if __name__ == "__main__":
    unittest.main()
