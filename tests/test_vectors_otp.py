"""Every vector of OTP: values, both codecs, responses, and exchanges in both roles."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import otp
from sasl_core.mechanisms import _otp_messages as messages
from sasl_core.otp import OtpState

from ._data import generate, ids, octets, vectors
from ._drive import PROFILES, Calling, Serving, Store

if TYPE_CHECKING:
    Vector = dict[str, Any]

VECTORS = vectors("otp")
POLICY = sasl.Policy(allow=["OTP"])
CHANNEL = sasl.Channel(True, host="mail.example.org")

# Exchanges that our client would have otherwise.
OTHER_CLIENT = {
    "otp-rfc2444-s5-word": "ours answers in hexadecimal digits",
    "otp-elytron-sha1-word": "ours answers in hexadecimal digits",
    "otp-rfc2444-s5-init-hex": "ours begins anew only where few are left",
}
# The algorithm of a vector that says that any will do.
ANY = "md5"
# What a Reason may be for the error words of the vectors; else it is MALFORMED.
REASONS = {"invalid-proof": sasl.Reason.BAD_CREDENTIALS}


def state(stored: Vector) -> OtpState:
    """Return what is stored, as a vector writes it."""
    return OtpState(
        stored["algorithm"],
        stored["count"],
        stored["seed"],
        bytes.fromhex(stored["last_otp_hex"]),
    )


class ValueVectors(unittest.TestCase):
    """One-time passwords, and the ways to write them."""

    def check_value(self, vector: Vector) -> None:
        """The value, and its six words, both ways."""
        inputs, expect = vector["inputs"], vector["expect"]
        terms = (inputs["passphrase"], inputs["seed"], inputs["count"])
        algorithm = inputs["algorithm"]
        found = otp.compute(*terms, algorithm)
        self.assertEqual(found.hex(), expect["hex"])
        if "words" in expect:
            self.assertEqual(otp.to_words(found), expect["words"])
            self.assertEqual(otp.from_words(expect["words"], algorithm), found)

    def check_no_value(self, vector: Vector) -> None:
        """A passphrase or seed that the RFC forbids."""
        inputs = vector["inputs"]
        with self.assertRaises(ValueError):
            otp.compute(inputs["passphrase"], inputs["seed"], inputs["count"], ANY)

    def check_words(self, vector: Vector) -> None:
        """Six words of the standard dictionary."""
        inputs, expect = vector["inputs"], vector["expect"]
        if vector["polarity"] == "negative":
            with self.assertRaisesRegex(ValueError, "checksum"):
                otp.from_words(inputs["text"])
            return
        found = otp.from_words(inputs["text"])
        self.assertEqual(found.hex(), expect["hex"])
        self.assertEqual(otp.to_words(found), inputs["canonical"])

    def check_other_words(self, vector: Vector) -> None:
        """Six words of other dictionaries."""
        inputs = vector["inputs"]
        found = otp.from_words(inputs["text"], inputs["algorithm"])
        self.assertEqual(found.hex(), vector["expect"]["hex"])

    def check_digits(self, vector: Vector) -> None:
        """White space between digits is ignored."""
        response = b"hex:" + vector["inputs"]["text"].encode()
        found, new, problem = messages.read_response(response, otp.USUAL)
        self.assertEqual(found.hex(), vector["expect"]["hex"])
        self.assertEqual((new, problem), (None, ""))

    def check_response(self, vector: Vector) -> None:
        """Extended responses."""
        expect = vector["expect"]
        old = OtpState("md5", 500, "other1", bytes(8))
        response = vector["inputs"]["text"].encode()
        found, new, problem = messages.read_response(response, old)
        self.assertEqual(problem, "")
        self.assertEqual(found.hex(), expect.get("hex") or expect["current_hex"])
        self.assertEqual(new is None, "new_params" not in expect)
        if new is not None:
            stored = expect["new_params"] | {"last_otp_hex": expect["new_hex"]}
            self.assertEqual(new, state(stored))

    def check_challenge(self, vector: Vector) -> None:
        """With the name of an extension set that nobody knows."""
        expect = vector["expect"]
        self.assertEqual(
            messages.read_challenge(vector["inputs"]["text"].encode()),
            (expect["algorithm"], expect["count"], expect["seed"]),
        )


class ExchangeVectors(unittest.TestCase):
    """Whole exchanges."""

    def serving_of(self, vector: Vector, profile: sasl.Profile) -> Serving:
        """Make the server of a vector."""
        server = sasl.server("OTP", channel=CHANNEL, policy=POLICY, profile=profile)
        stored = {}
        if "stored" in vector:
            stored["tim"] = state(vector["stored"]["before"])
            stored[vector["inputs"]["username"]] = stored["tim"]
        return Serving(server, Store(one_time=stored, may_act=lambda *_: True))

    def check_server(self, vector: Vector) -> None:
        """Our server challenges as written, lets the client in, and stores the new."""
        first, challenge, response = map(octets, vector["messages"])
        inputs, stored = vector["inputs"], vector["stored"]
        for profile in PROFILES:
            serving = self.serving_of(vector, profile)
            serving.receive(first)
            self.assertEqual(serving.said, challenge)
            serving.receive(response)
            self.assertIsInstance(serving.event, sasl.Success)
            identity = serving.event.identity
            self.assertEqual(identity.authcid, vector["expect"]["authcid"])
            wanted = vector["expect"]["authzid"] or identity.authcid
            self.assertEqual(identity.authzid, wanted)
            after = serving.store.one_time[inputs["username"]]
            self.assertEqual(after, state(stored["after"]))

    def check_server_refuses(self, vector: Vector) -> None:
        """Our server fails at the last message; the state moves on where it must."""
        sent = [octets(m) for m in vector["messages"] if m["from"] == "client"]
        reason = REASONS.get(vector["expect"]["error"], sasl.Reason.MALFORMED)
        for profile in PROFILES:
            serving = self.serving_of(vector, profile)
            for message in sent:
                self.assertFalse(serving.failed)
                serving.receive(message)
            self.assertTrue(serving.failed)
            self.assertIs(serving.event.reason, reason)
            if "stored" in vector:
                kept = vector["stored"]
                after = kept.get("after", kept["before"])
                self.assertEqual(serving.store.one_time["tim"], state(after))

    def client_of(self, vector: Vector, profile: sasl.Profile) -> Calling:
        """Make the client of a vector."""
        inputs = vector["inputs"]
        who = sasl.Credentials(
            inputs["username"],
            inputs["passphrase"],
            authzid=inputs.get("authzid") or "",
        )
        client = sasl.client(
            "OTP", who, channel=CHANNEL, policy=POLICY, profile=profile
        )
        calling = Calling(client)
        calling.begin()
        return calling

    def check_client(self, vector: Vector) -> None:
        """Our client says what is written."""
        first, challenge, response = map(octets, vector["messages"])
        for profile in PROFILES:
            calling = self.client_of(vector, profile)
            calling.receive(challenge)
            calling.finish()
            self.assertEqual(calling.sent, [first, response])

    def check_client_refuses(self, vector: Vector) -> None:
        """Our client raises at the challenge, and has shown nothing."""
        first, challenge = map(octets, vector["messages"])
        for profile in PROFILES:
            calling = self.client_of(vector, profile)
            with self.assertRaises(sasl.ProtocolError):
                calling.receive(challenge)
            self.assertEqual(calling.sent, [first])

    def check_race(self, vector: Vector) -> None:
        """Two sessions with one challenge: one gets in, whichever is first."""
        inputs = vector["inputs"]
        before = OtpState.derive(inputs["passphrase"], "md5", sequence=5, seed="ke1")
        right = otp.compute(inputs["passphrase"], "ke1", 4, "md5")
        store = Store(one_time={"tim": before})
        both = [self.serving_of({}, sasl.profiles.RAW) for _ in range(2)]
        for serving in both:
            serving.store = store
            serving.receive(b"\0tim")
            self.assertEqual(serving.said, b"otp-md5 4 ke1 ext")
        for serving in both:
            serving.receive(b"hex:" + right.hex().encode())
        self.assertIsInstance(both[0].event, sasl.Success)
        self.assertIs(both[1].event.reason, sasl.Reason.BAD_CREDENTIALS)


_CODECS = {
    "otp-words": "words",
    "otp-words-alternate": "other_words",
    "otp-hex": "digits",
    "otp-extended-response": "response",
    "otp-challenge": "challenge",
}


def ways(vector: Vector) -> list[tuple[type[unittest.TestCase], str]]:
    """Return the classes and checks that a vector is for."""
    if vector["kind"] == "codec":
        return [(ValueVectors, _CODECS[vector["operation"]])]
    if vector["kind"] == "scenario":
        return [(ExchangeVectors, "race")]
    positive = vector["polarity"] == "positive"
    if vector["kind"] == "primitive":
        return [(ValueVectors, "value" if positive else "no_value")]
    if not positive:
        return [(ExchangeVectors, f"{vector['expect']['detected_by']}_refuses")]
    sides = ["server"] if vector["id"] in OTHER_CLIENT else ["server", "client"]
    return [(ExchangeVectors, side) for side in sides]


generated = generate(VECTORS, ways)


class CompletenessTest(unittest.TestCase):
    """Every vector is run."""

    def test_all_of_the_file(self) -> None:
        """None is passed over, and the table names what is there."""
        self.assertEqual(generated, ids(VECTORS))
        self.assertLessEqual(set(OTHER_CLIENT), generated)

    def test_the_table_is_not_stale(self) -> None:
        """Our client really says something else there."""
        case = ExchangeVectors()
        for vector in VECTORS:
            if vector["id"] in OTHER_CLIENT:
                with self.subTest(vector["id"]), self.assertRaises(AssertionError):
                    case.check_client(vector)


if __name__ == "__main__":
    unittest.main()
