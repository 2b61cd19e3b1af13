"""Every hostile input, as data that says what must happen, over raw octets and base64.

What deviates from the common way to run a case stands in a table with the reason; a
test holds that no case is left over. `api.json` is in `test_attacks_api*`.
"""

from __future__ import annotations

import random
import time
import tracemalloc
import unittest
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from unittest import mock

import sasl_core as sasl
from sasl_core import Reason

from ._data import add_test, attacks, ids, method_name, octets
from ._drive import PROFILES, Calling, HashCalls, Serving, Store, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Case = dict[str, Any]

# Cases with a test of their own instead of a generated one.
BY_HAND = {
    "CRM-S-21": "test_CRM_S_21_challenges_are_unpredictable",
    "OAB-S-17": "test_OAB_S_17_host_and_port_reach_the_check",
    "OAB-C-06": "test_OAB_C_06_discovery_url_is_only_text",
}

# The server object is not even made.
REFUSED_AT_ONCE = {"ANO-S-01", "EXT-S-01"}

# Refused before the step that the case points at, and closed when that comes.
REFUSED_EARLIER = {
    "PLN-S-39": "the first message fails, the second meets a closed exchange",
    "CRM-S-18": "the first message fails, the second meets a closed exchange",
    "CRM-S-14": "the step is the initial response",
}

# The server-first message shows the salt of a user who does not exist.
DECOY_SALT = {"SCR-S-63"}

# What makes sense over one profile only.
ONLY_OVER = {
    "SCR-S-80": "base64",  # success without data, so there is a message after it
    "SCR-C-C05": "raw",  # success with data
}

# A refusal on our own side that needs the server's first message.
ONE_MORE_CHALLENGE = {"SCR-C-67": b"r=%babc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"}

# Wrong passwords of users who exist: what everything generic must look like.
WRONG_PASSWORD = {
    "PLAIN": [b"\0user\0wrong"],
    "LOGIN": [b"user", b"wrong"],
    "CRAM-MD5": [b"tim 00000000000000000000000000000000"],
    "SCRAM-SHA-256": [
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        None,  # client-final for what the server said, with a wrong proof
    ],
}

generated: dict[str, set[str]] = {}


def cases_of(name: str) -> Callable[[type[AttackCase]], type[AttackCase]]:
    """Give a class one method for each case of a file."""

    def decorate(kind: type[AttackCase]) -> type[AttackCase]:
        done = generated.setdefault(name, set())
        for case in attacks(name):
            if case["id"] not in BY_HAND:
                done.add(case["id"])
                add_test(kind, method_name(case["id"]), _method(case))
        return kind

    return decorate


def _method(case: Case) -> Callable[[AttackCase], None]:
    def method(self: AttackCase) -> None:
        for profile in PROFILES:
            if ONLY_OVER.get(case["id"], profile.name) == profile.name:
                with self.subTest(profile=profile.name, title=case["title"]):
                    self.run_case(case, profile)

    return method


class AttackCase(unittest.TestCase):
    """Tests made of attack cases."""

    def run_case(self, case: Case, profile: sasl.Profile) -> None:
        """Play one case on the side it is about, and judge."""
        if case["side"] == "server":
            for initial in (True, False):
                self._run_server(case, profile, initial=initial)
        else:
            self._run_client(case, profile)

    # --- our server under attack

    def _run_server(self, case: Case, profile: sasl.Profile, *, initial: bool) -> None:
        if case["id"] in REFUSED_AT_ONCE:
            with self.assertRaises(sasl.NoMechanism):
                serving_of(case, profile)
            return
        serving = serving_of(case, profile, initial=initial)
        verdict = case["expected"]
        refused = self._play_server(case, serving)
        if verdict.startswith("accept"):
            serving.close()
            self.assertIsInstance(serving.event, sasl.Success)
            self._check_identity(case, serving.event.identity)
            return
        if isinstance(serving.event, sasl.Challenge):
            self.assertIn(case["mechanism"], ("OAUTHBEARER", "XOAUTH2"))
            serving.receive(b"\x01")  # the dummy response to the error document
        self.assertIsInstance(serving.event, sasl.Failure)
        if refused is not None and case["id"] not in REFUSED_EARLIER:
            self.assertGreaterEqual(refused, case["attack_step"])
        if verdict == "cancelled":
            self.assertIs(serving.event.reason, Reason.ABORTED)
        if verdict == "reject-generic":
            self.assertEqual(
                seen_by_peer(case["mechanism"], steps_of(case), case, profile),
                seen_by_peer(
                    case["mechanism"], WRONG_PASSWORD[case["mechanism"]], case, profile
                ),
            )
        if forbidden := set(case.get("forbid", ())) & _VERIFYING:
            asked = serving.store.was_asked(sasl.CheckPassword, sasl.CheckToken)
            self.assertFalse(asked, forbidden)

    def _play_server(self, case: Case, serving: Serving) -> int | None:
        """Feed the steps up to the refusal; return where that was."""
        for index, step in enumerate(case["steps"]):
            if "expect" in step:
                self._expect(case, serving, step)
                continue
            self._feed(case, serving, index, step)
            if serving.failed:
                self._closed_for(serving, case["steps"][index + 1 :])
                return index
        return None

    def _expect(self, case: Case, serving: Serving, step: dict[str, Any]) -> None:
        if serving.event is None:
            serving.begin()
        said = serving.said
        self.assertIsNotNone(said)
        if "hex" not in step or case["id"] in DECOY_SALT:
            return
        self.assertEqual(said, bytes.fromhex(step["hex"]))

    def _feed(
        self, case: Case, serving: Serving, index: int, step: dict[str, Any]
    ) -> None:
        if step.get("none"):
            serving.begin()
        elif step.get("signal") == "cancel":
            self._cancel(serving)
        elif case["expected"].startswith("bounded") and index == case["attack_step"]:
            self._bounded(case, serving, octets(step))
        elif "template" in step:
            serving.receive(wrong_proof(serving))
        else:
            serving.receive(octets(step))

    def _cancel(self, serving: Serving) -> None:
        profile = serving.server.profile
        if profile.abort is None:
            serving.event = serving.server.abort()
        else:
            serving.receive_text(profile.abort)

    def _closed_for(self, serving: Serving, steps: list[dict[str, Any]]) -> None:
        """Whatever comes after a refusal, it meets a closed exchange."""
        texts = [octets(step) for step in steps if "hex" in step and "from" in step]
        encode = serving.server.profile.encode
        for text in (*map(encode, texts), encode(b"x"), b"*", b"!", b"A" * 65537):
            with self.assertRaises(sasl.StateError):
                serving.server.step(text)

    def _check_identity(self, case: Case, identity: sasl.Identity) -> None:
        self.assertEqual(identity.authzid, case["identity"])
        if case["setup"]["policy"].get("authorize"):
            self.assertEqual(identity.authcid, case["setup"]["account"]["authcid"])
        else:
            self.assertEqual(identity.authcid, case["identity"])

    # --- our client under attack

    def _run_client(self, case: Case, profile: sasl.Profile) -> None:
        verdict = case["expected"]
        if verdict == "refuse-local":
            self._refuses_itself(case, profile)
            return
        calling = Calling(client_of(case, profile))
        if verdict.startswith("accept") or verdict == "property":
            self._play_client(case, calling, len(case["steps"]))
            return
        attack = case["attack_step"]
        self._play_client(case, calling, attack)
        sent = len(calling.sent)
        with self.assertRaises(sasl.SASLError):
            if verdict == "bounded-abort":
                self._bounded(case, calling, octets(case["steps"][attack]))
            else:
                self._hear(calling, case["steps"][attack])
        self.assertEqual(len(calling.sent), sent)
        self._never_twice(case, calling)
        with self.assertRaises(sasl.SASLError):
            calling.finish()

    def _refuses_itself(self, case: Case, profile: sasl.Profile) -> None:
        """Our side raises before anything that is made of the secret is sent."""
        sent: list[bytes] = []
        with self.assertRaises(sasl.SASLError):
            calling = Calling(client_of(case, profile))
            sent = calling.sent
            calling.begin()
            for step in case["steps"]:
                self._hear(calling, step)
            if case["id"] in ONE_MORE_CHALLENGE:
                nonce = case["setup"]["fixed"]["client_nonce"].encode()
                calling.receive(ONE_MORE_CHALLENGE[case["id"]] % nonce)
        for secret in secrets_of(case):
            self.assertNotIn(secret, b"".join(sent))

    def _play_client(self, case: Case, calling: Calling, end: int) -> None:
        """Play the steps before `end`; each answer is exactly what is written."""
        heard = 0
        for index, step in enumerate(case["steps"][:end]):
            if "expect" not in step:
                self._hear(calling, step)
                continue
            if index == 0:
                calling.begin()
            self.assertEqual(calling.sent[heard], octets(step))
            heard += 1
        self.assertEqual(len(calling.sent), heard)

    def _hear(self, calling: Calling, step: dict[str, Any]) -> None:
        match step.get("signal"):
            case "success":
                calling.finish(octets(step) if "hex" in step else None)
            case "failure":
                raise calling.client.refused(Reason.BAD_CREDENTIALS)
            case _:
                calling.receive(octets(step))

    def _never_twice(self, case: Case, calling: Calling) -> None:
        for secret in secrets_of(case):
            times = sum(message.count(secret) for message in calling.sent)
            self.assertLessEqual(times, 1)

    # --- limits

    def _bounded(self, case: Case, side: Serving | Calling, message: bytes) -> None:
        """Feed one message within the case's time, and without a copy of it."""
        profile = (side.server if isinstance(side, Serving) else side.client).profile
        text = profile.encode(message)
        started = time.perf_counter()
        tracemalloc.start()
        try:
            side.receive_text(text)
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            took = time.perf_counter() - started
            self.assertLess(took, case.get("bounds", {}).get("max_seconds", 1))
            self.assertLess(peak, max(len(text), 65536))


_VERIFYING = {"verifier called", "validator called"}


def secrets_of(case: Case) -> list[bytes]:
    """Return what the client of a case must not show without need."""
    client = case["setup"]["client"]
    found = (client.get("password"), client.get("token"))
    return [secret.encode() for secret in found if secret]


def steps_of(case: Case) -> list[bytes | None]:
    """Return the client's messages of a case; None for one to be made."""
    return [
        None if "template" in step else octets(step)
        for step in case["steps"]
        if step.get("from") == "client"
    ]


def seen_by_peer(
    mechanism: str, messages: list[Any], case: Case, profile: sasl.Profile
) -> tuple[list[Any], list[str], list[type]]:
    """Play messages; return sizes and outcome, the hash calls, and the questions."""
    serving = serving_of(case, profile)
    seen: list[Any] = []
    if mechanism in ("LOGIN", "CRAM-MD5"):
        serving.begin()
    with HashCalls() as calls:
        for message in messages:
            serving.receive(wrong_proof(serving) if message is None else message)
            seen.append(
                serving.event.reason if serving.failed else len(serving.said or b"")
            )
    return seen, calls.names, [type(request) for request in serving.store.asked]


def wrong_proof(serving: Serving) -> bytes:
    """Return a client-final message for what the server said, with a wrong proof."""
    nonce = (serving.said or b"").split(b",")[0]
    return b"c=biws," + nonce + b",p=" + b64encode(bytes(32))


def _bindings(setup: dict[str, Any]) -> list[sasl.ChannelBinding]:
    given = setup.get("channel_binding")
    if not given or not given["data_hex"]:
        return []
    return [sasl.ChannelBinding(given["type"], bytes.fromhex(given["data_hex"]))]


def serving_of(case: Case, profile: sasl.Profile, *, initial: bool = True) -> Serving:
    """Make the server of a case, with what its application knows."""
    setup = case["setup"]
    fixed = setup.get("fixed", {})
    nonce = fixed.get("server_nonce") or fixed.get("challenge")
    server = sasl.server(
        case["mechanism"],
        channel=sasl.Channel(
            encrypted=True,
            host=setup.get("host", ""),
            port=setup.get("port"),
            bindings=_bindings(setup),
            external=(setup.get("external") or {}).get("identity"),
        ),
        policy=sasl.Policy(allow=setup.get("enabled") or None),
        profile=profile,
        nonce=nonce.encode() if nonce else None,
    )
    return Serving(server, _store(case), initial=initial)


def _store(case: Case) -> Store:
    setup = case["setup"]
    account = setup["account"]
    name = account["authcid"]
    allowed = setup.get("policy", {}).get("authorize", [])
    tokens = {account["token"]: name} if "token" in account else {}
    if str(setup.get("verifier", "")).startswith("introspection"):
        tokens[""] = name
    return Store(
        {name: account["password"]} if "password" in account else {},
        keys=_keys(case, name),
        tokens=tokens,
        host=setup.get("host"),
        may_act=lambda authcid, authzid: [authcid, authzid] in allowed,
    )


def _keys(case: Case, name: str) -> dict[str, sasl.ScramKeys]:
    stored = case["setup"].get("stored", {})
    if "stored_key_b64" not in stored:
        return {}
    keys = sasl.ScramKeys(
        hash_of(stored["scheme"]),
        b64decode(stored["salt_b64"]),
        stored["iterations"],
        b64decode(stored["stored_key_b64"]),
        b64decode(stored["server_key_b64"]),
    )
    return {name: keys}


def _policy_words(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a case sets; all else is the library's default."""
    words = {}
    if "channel_binding" in given:
        words["channel_binding"] = given["channel_binding"]
    if "scram_iterations" in given:
        words["iterations"] = tuple(given["scram_iterations"])
    return words


def client_of(case: Case, profile: sasl.Profile) -> sasl.Client:
    """Make the client of a case, by what the hostile server offers."""
    setup = case["setup"]
    given, policy = setup["client"], setup.get("policy", {})
    nonce = setup.get("fixed", {}).get("client_nonce")
    client = sasl.client(
        setup["offered"],
        sasl.Credentials(
            given.get("authcid", ""),
            given.get("password"),
            authzid=given.get("authzid", ""),
            token=given.get("token"),
        ),
        channel=sasl.Channel(
            encrypted=policy.get("tls", True),
            host=given.get("host", ""),
            port=given.get("port"),
            bindings=_bindings(setup),
        ),
        policy=sasl.Policy(**_policy_words(policy)),
        profile=profile,
        nonce=nonce.encode() if nonce else None,
    )
    if client.name != case["mechanism"]:
        raise AssertionError(f"{client.name} was chosen")
    return client


@cases_of("plain")
class PlainAttacks(AttackCase):
    """PLAIN."""


@cases_of("login")
class LoginAttacks(AttackCase):
    """LOGIN."""


@cases_of("anonymous-external")
class AnonymousExternalAttacks(AttackCase):
    """ANONYMOUS and EXTERNAL."""


@cases_of("scram-server")
class ScramServerAttacks(AttackCase):
    """SCRAM: our server."""


@cases_of("scram-client")
class ScramClientAttacks(AttackCase):
    """SCRAM: our client."""


@cases_of("cram-md5")
class CramMD5Attacks(AttackCase):
    """CRAM-MD5."""

    def test_CRM_S_21_challenges_are_unpredictable(self) -> None:
        """A thousand challenges are distinct, and no seed repeats them."""
        random.seed(0)
        first = [_opening("CRAM-MD5") for _ in range(500)]
        random.seed(0)
        second = [_opening("CRAM-MD5") for _ in range(500)]
        self.assertEqual(len({*first, *second}), 1000)


@cases_of("oauth")
class OAuthAttacks(AttackCase):
    """OAUTHBEARER and XOAUTH2."""

    def test_OAB_S_17_host_and_port_reach_the_check(self) -> None:
        """A token that was meant for another host is refused by the token check."""
        case = next(c for c in attacks("oauth") if c["id"] == "OAB-S-17")
        for profile in PROFILES:
            serving = serving_of(case, profile)
            self._play_server(case, serving)
            request = serving.store.asked[0]
            self.assertEqual((request.host, request.port), ("evil.example", 143))
            serving.receive(b"\x01")
            self.assertIsInstance(serving.event, sasl.Failure)

    def test_OAB_C_06_discovery_url_is_only_text(self) -> None:
        """The URL of an error document is reported, not visited."""
        case = next(c for c in attacks("oauth") if c["id"] == "OAB-C-06")
        for profile in PROFILES:
            calling = Calling(client_of(case, profile))
            with mock.patch("socket.socket", side_effect=AssertionError):
                self._play_client(case, calling, 3)
                error = calling.client.refused(Reason.BAD_CREDENTIALS)
            self.assertEqual(
                error.token_error.openid_configuration,
                "http://169.254.169.254/latest/meta-data",
            )


def _opening(mechanism: str) -> bytes:
    """Return the first challenge of a new server."""
    channel = sasl.Channel(encrypted=True, host="mail.example.org")
    challenge = sasl.server(mechanism, channel=channel).start()
    return challenge.data


class CompletenessTest(unittest.TestCase):
    """Every case has a test."""

    def test_every_case_has_a_test(self) -> None:
        """No case is passed over in silence."""
        for name, done in generated.items():
            with self.subTest(file=name):
                known = ids(attacks(name))
                self.assertEqual(done | (known & BY_HAND.keys()), known)
                self.assertEqual(done & BY_HAND.keys(), set())

    def test_cases_by_hand_have_their_method(self) -> None:
        """What is not generated is written."""
        for identifier, method in BY_HAND.items():
            kind = CramMD5Attacks if identifier.startswith("CRM") else OAuthAttacks
            self.assertTrue(callable(getattr(kind, method)))

    def test_tables_have_no_stale_id(self) -> None:
        """A case that is gone leaves no entry behind."""
        known = set().union(*(ids(attacks(name)) for name in generated))
        tables = (BY_HAND, REFUSED_AT_ONCE, REFUSED_EARLIER, DECOY_SALT, ONLY_OVER)
        for table in (*tables, ONE_MORE_CHALLENGE):
            self.assertLessEqual(set(table), known)

    def test_every_file_is_read(self) -> None:
        """The files of this module are all there."""
        self.assertEqual(
            sorted(generated),
            [
                "anonymous-external",
                "cram-md5",
                "login",
                "oauth",
                "plain",
                "scram-client",
                "scram-server",
            ],
        )


if __name__ == "__main__":
    unittest.main()
