"""Every vector of SAML20 and OPENID20, in both roles."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl

from ._data import generate, ids, octets, vectors
from ._drive import PROFILES, Calling

if TYPE_CHECKING:
    Vector = dict[str, Any]

VECTORS = vectors("saml_openid")
CHANNEL = sasl.Channel(True, host="mail.example")
USER = "user@example.com"


def policy(vector: Vector) -> sasl.Policy:
    """Return one that allows the vector's mechanism."""
    return sasl.Policy(allow=[vector["mechanism"]])


class ExchangeVectors(unittest.TestCase):
    """Whole exchanges, or as far as they are written."""

    def server_says(self, vector: Vector) -> list[bytes]:
        """Return what the server says in a vector."""
        return [octets(m) for m in vector["messages"] if m["from"] == "server"]

    def client_says(self, vector: Vector) -> list[bytes]:
        """Return what the client says in a vector."""
        return [octets(m) for m in vector["messages"] if m["from"] == "client"]

    def serve(self, vector: Vector, profile: sasl.Profile) -> tuple[Any, list[bytes]]:
        """Play the client of a vector; return the last event, and what was said."""
        server = sasl.server(
            vector["mechanism"], channel=CHANNEL, policy=policy(vector), profile=profile
        )
        url = [*self.server_says(vector), b"https://id.example/"][0].decode()
        attributes = vector.get("derived", {}).get("sreg")
        if attributes:  # they are written with their escapes
            attributes = {k: v.replace("%20", " ") for k, v in attributes.items()}
        said, sent = [], self.client_says(vector)
        event: Any = server.start(profile.encode(sent.pop(0)))
        while True:
            match event:
                case sasl.BeginRedirect():
                    event = event.answer(url)
                case sasl.FinishRedirect():
                    event = event.answer(sasl.Asserted(USER, attributes))
                case sasl.Challenge(data) if sent:
                    said.append(profile.decode(data))
                    event = server.step(profile.encode(sent.pop(0)))
                case _:
                    break
        if isinstance(event, sasl.Success) and event.data is not None:
            said.append(profile.decode(event.data))
        return event, said

    def check_server(self, vector: Vector) -> None:
        """Our server says what is written, and lets the user in."""
        for profile in PROFILES:
            event, said = self.serve(vector, profile)
            if len(vector["messages"]) == 1:
                self.assertIsInstance(event, sasl.Challenge)  # no more is written
                continue
            self.assertEqual(said, self.server_says(vector))
            self.assertIsInstance(event, sasl.Success)
            self.assertEqual(event.identity.authcid, USER)

    def check_server_refuses(self, vector: Vector) -> None:
        """Our server fails at the last message."""
        for profile in PROFILES:
            event, _ = self.serve(vector, profile)
            self.assertIs(event.reason, sasl.Reason.MALFORMED)

    def check_client(self, vector: Vector) -> None:
        """Our client says what is written, and shows the URL to its user."""
        inputs = vector["inputs"]
        shown: list[tuple[str, str]] = []
        for profile in PROFILES:
            shown.clear()
            client = sasl.client(
                vector["mechanism"],
                sasl.Credentials(
                    authzid=inputs["authzid"] or "",
                    provider=inputs.get("idp_identifier") or inputs["openid"],
                    prompt=lambda *asked: shown.append(asked),
                ),
                channel=CHANNEL,
                policy=policy(vector),
                profile=profile,
            )
            calling = Calling(client)
            calling.begin()
            for challenge in self.server_says(vector):
                calling.receive(challenge)
            self.assertEqual(calling.sent, self.client_says(vector))
            if len(vector["messages"]) > 1:
                url = self.server_says(vector)[0].decode()
                self.assertEqual(shown, [("redirect", url)])
                calling.finish()


def ways(vector: Vector) -> list[tuple[type[unittest.TestCase], str]]:
    """Return the checks that a vector is for."""
    if vector["polarity"] == "positive":
        return [(ExchangeVectors, "server"), (ExchangeVectors, "client")]
    return [(ExchangeVectors, f"{vector['expect']['detected_by']}_refuses")]


generated = generate(VECTORS, ways)


class CompletenessTest(unittest.TestCase):
    """Every vector is run."""

    def test_all_of_the_file(self) -> None:
        """None is passed over."""
        self.assertEqual(generated, ids(VECTORS))


if __name__ == "__main__":
    unittest.main()
