"""Published vectors of the parts: SCRAM's arithmetic and stored forms, the GS2 header,
preparation. Exchanges are in `test_vectors`.
"""

from __future__ import annotations

import unittest
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import Reason
from sasl_core._saslprep import PrepError, saslprep, trace
from sasl_core._scram_math import suite
from sasl_core._strict import Malformed, utf8
from sasl_core.mechanisms import _gs2 as gs2

from ._drive import HASHES, hash_of
from ._vector_cases import VectorCase, derived, stored_keys, vectors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

DUMMY_BINDING = sasl.ChannelBinding("tls-exporter", bytes(32))


# --- SCRAM: arithmetic, names, stored forms -----------------------------------


@vectors_of("scram")
class ScramPartVectors(VectorCase):
    """SCRAM: everything but exchanges."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for each operation and polarity."""
        what = vector.get("operation", vector["kind"])
        return {
            "Hi": [("", cls.check_hi)],
            "SaltedPassword": [("", cls.check_salted_password)],
            "saslname": [("", getattr(cls, f"check_{vector['polarity']}_saslname"))],
            "stored_credential": [
                ("", getattr(cls, f"check_{vector['polarity']}_keys"))
            ],
            "exchange": [],
        }[what]

    def check_hi(self, vector: Vector) -> None:
        """Hi() gives what is printed."""
        inputs = vector["inputs"]
        math = suite(HASHES[f"SCRAM-{inputs['hash']}"])
        self.assertEqual(math.size, inputs["length"])
        salted = math.Hi(
            inputs["password"].encode(),
            bytes.fromhex(inputs["salt_hex"]),
            inputs["iterations"],
        )
        self.assertEqual(salted.hex(), vector["expect"]["output_hex"])

    def check_salted_password(self, vector: Vector) -> None:
        """Preparation and Hi() together give what is printed."""
        inputs = vector["inputs"]
        password = bytes.fromhex(inputs["password_hex"]).decode()
        salt = b64decode(inputs["salt_base64"])
        prepared = saslprep(password).encode()
        salted = suite("sha1").Hi(prepared, salt, inputs["iterations"])
        self.assertEqual(salted.hex(), vector["expect"]["output_hex"])

    def check_positive_saslname(self, vector: Vector) -> None:
        """A name is escaped and read as printed, alone and in an exchange."""
        decoded, encoded = vector["inputs"]["decoded"], vector["expect"]["encoded"]
        self.assertEqual(gs2.escape(decoded.encode()), encoded.encode())
        self.assertEqual(gs2.unescape(encoded.encode()), decoded.encode())
        request = _scram_server().start(b"n,,n=%b,r=abc" % encoded.encode())
        self.assertIsInstance(request, sasl.FindScramKeys)
        self.assertEqual(request.username, decoded)

    def check_negative_saslname(self, vector: Vector) -> None:
        """A wrong escape is refused, alone and in an exchange."""
        encoded = vector["inputs"]["encoded"].encode()
        with self.assertRaises(Malformed):
            gs2.unescape(encoded)
        event = _scram_server().start(b"n,,n=%b,r=abc" % encoded)
        self.assertIsInstance(event, sasl.Failure)
        self.assertIs(event.reason, Reason.MALFORMED)

    def check_positive_keys(self, vector: Vector) -> None:
        """Stored keys are read, written, and derived from the password."""
        stored, hash_name = vector["stored"], hash_of(vector["mechanism"])
        keys = stored_keys(stored, hash_name)
        password = (vector.get("inputs") or {}).get("password")
        if password is not None:
            made = derived(password, hash_name, keys.iterations, stored["salt_base64"])
            self.assertEqual(made, keys)
        form = stored["format"].removesuffix("-mkpasswd")
        if form in ("gsasl", "postgresql", "dovecot"):
            self.assertEqual(sasl.ScramKeys.parse(stored["text"]), keys)
            self.assertTrue(stored["text"].startswith(keys.format(form)))
        self.assertEqual(sasl.ScramKeys.parse(keys.format()), keys)

    def check_negative_keys(self, vector: Vector) -> None:
        """A stored form with the wrong parts or sizes is refused."""
        with self.assertRaises(ValueError):
            sasl.ScramKeys.parse(vector["stored"]["text"])


def _scram_server(*bindings: sasl.ChannelBinding, plus: bool = False) -> sasl.Server:
    return sasl.server(
        "SCRAM-SHA-256-PLUS" if plus else "SCRAM-SHA-256",
        channel=sasl.Channel(encrypted=True, bindings=bindings),
        profile=sasl.profiles.RAW,
    )


# --- GS2 ----------------------------------------------------------------------


@vectors_of("gs2")
class Gs2Vectors(VectorCase):
    """The GS2 header, and what follows from its flag."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for each operation and polarity; none for what is GSS-API's."""
        lenient = vector["inputs"].get("allow_nonstandard_flag")
        if lenient and vector["polarity"] == "positive":
            return []
        what = vector.get("operation", vector["kind"])
        return {
            "gs2-header": [("", getattr(cls, f"check_{vector['polarity']}_header"))],
            "gs2-channel-bindings": [("", cls.check_channel_binding)],
            "scenario": [("", cls.check_scenario)],
        }.get(what, [])

    def check_positive_header(self, vector: Vector) -> None:
        """A header is taken apart, and a SCRAM server goes on after it."""
        expect, message = vector["expect"], bytes.fromhex(vector["inputs"]["hex"])
        flag, authzid, rest = gs2.split(message)
        kind = expect["channel_binding_type"]
        self.assertEqual(flag.decode(), f"p={kind}" if kind else expect["flag"])
        self.assertEqual(utf8(gs2.unescape(authzid)), expect["authzid"] or "")
        self.assertEqual(rest.hex(), expect["remainder_hex"])
        header = message[: expect["header_length"]]
        self.assertIsInstance(_after_header(header, kind), sasl.FindScramKeys)

    def check_negative_header(self, vector: Vector) -> None:
        """A header that is wrong or cut short is refused by a SCRAM server."""
        header = bytes.fromhex(vector["inputs"]["hex"])
        kind = header[2:].split(b",")[0].decode("latin-1")
        kinds = [kind] if header[:1] == b"p" and kind.isalnum() else []
        for plus in ([None], kinds or ["tls-unique"]):
            event = _after_header(header, plus[0])
            self.assertIsInstance(event, sasl.Failure)
            self.assertIs(event.reason, Reason.MALFORMED)

    def check_channel_binding(self, vector: Vector) -> None:
        """What a SCRAM client binds is the header and the octets of the channel."""
        header = vector["inputs"]["gs2_header"]
        flag, authzid, _ = header.split(",")
        data = vector["inputs"]["channel_binding_data_hex"]
        bindings = []
        if flag != "n":
            kind = flag.removeprefix("p=") if data else "tls-exporter"
            octets = bytes.fromhex(data) if data else bytes(32)
            bindings.append(sasl.ChannelBinding(kind, octets))
        client = sasl.client(
            "SCRAM-SHA-256-PLUS" if data else "SCRAM-SHA-256",
            sasl.Credentials("user", "pencil", authzid=authzid.removeprefix("a=")),
            channel=sasl.Channel(encrypted=True, bindings=bindings),
            profile=sasl.profiles.RAW,
            nonce=b"abc",
        )
        self.assertEqual(client.start(), f"{header}n=user,r=abc".encode())
        final = client.step(b"r=abcdef,s=QSXCR+Q6sek8bf92,i=4096")
        bound = b64decode(final.split(b",")[0].removeprefix(b"c="))
        self.assertEqual(bound.hex(), vector["expect"]["application_data_hex"])

    def check_scenario(self, vector: Vector) -> None:
        """A flag is taken or refused as the server's offer and policy want it."""
        inputs = vector["inputs"]
        if inputs["flag"] is None:
            with self.assertRaises(sasl.NoMechanism):
                sasl.client(
                    ["SCRAM-SHA-256"],
                    sasl.Credentials("user", "pencil"),
                    channel=sasl.Channel(encrypted=True, bindings=[DUMMY_BINDING]),
                    policy=sasl.Policy(channel_binding="require"),
                )
            return
        if inputs["server"].get("requires_cb"):
            channel = sasl.Channel(encrypted=True, bindings=[DUMMY_BINDING])
            policy = sasl.Policy(channel_binding="require")
            with self.assertRaises(sasl.NoMechanism):
                sasl.server("SCRAM-SHA-256", channel=channel, policy=policy)
            server = _scram_server(DUMMY_BINDING, plus=True)
            self.assertIsInstance(server.start(b"n,,n=user,r=abc"), sasl.Failure)
            return
        kind = inputs.get("channel_binding_type")
        flag = f"p={kind}" if kind else inputs["flag"]
        bindings = []
        if inputs["server"].get("advertised_plus"):
            bindings = [sasl.ChannelBinding(kind or "tls-exporter", bytes(32))]
        server = _scram_server(*bindings, plus=bool(kind))
        event = server.start(f"{flag},,n=user,r=abc".encode())
        refused = isinstance(event, sasl.Failure)
        self.assertEqual(refused, vector["polarity"] == "negative")


def _after_header(header: bytes, kind: str | None) -> Any:
    """Return what a SCRAM server says to a header with a good message after it."""
    bindings = [sasl.ChannelBinding(kind, bytes(32))] if kind else []
    server = _scram_server(*bindings, plus=bool(kind))
    return server.start(header + b"n=user,r=abc")


# --- preparation --------------------------------------------------------------


@vectors_of("saslprep")
class PreparationVectors(VectorCase):
    """SASLprep, and the trace profile of ANONYMOUS."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for each polarity."""
        return [("", getattr(cls, f"check_{vector['polarity']}"))]

    def check_positive(self, vector: Vector) -> None:
        """The result is the one written, or another that the standard leaves open."""
        text = _text(vector["inputs"]["codepoints"])
        expect = vector["expect"]
        prepared = _prepare(vector, text)
        open_to_us = [expect["codepoints"], *expect.get("also_acceptable", [])]
        self.assertIn(prepared, [_text(points) for points in open_to_us])
        self.assertEqual(_prepare(vector, prepared), prepared)

    def check_negative(self, vector: Vector) -> None:
        """The text is refused, also where it comes as octets."""
        inputs = vector["inputs"]
        if "utf8_hex" in inputs:
            with self.assertRaises(Malformed):
                utf8(bytes.fromhex(inputs["utf8_hex"]))
            return
        with self.assertRaises(PrepError):
            _prepare(vector, _text(inputs["codepoints"]))


def _prepare(vector: Vector, text: str) -> str:
    if vector["mechanism"] == "trace":
        return trace(text)
    return saslprep(text, stored=vector["inputs"]["mode"] == "stored")


def _text(codepoints: list[str]) -> str:
    return "".join(chr(int(point, 16)) for point in codepoints)


if __name__ == "__main__":
    unittest.main()
