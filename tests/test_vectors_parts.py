"""Published vectors of the parts: SCRAM's arithmetic and stored forms, the GS2 header,
preparation, channel bindings, mechanism names. Exchanges are in `test_vectors`.
"""

from __future__ import annotations

import unittest
from base64 import b64decode
from functools import partial
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import Reason
from sasl_core._saslprep import PrepError, saslprep, trace
from sasl_core._scram_math import suite
from sasl_core._strict import Malformed, utf8
from sasl_core.mechanisms import _gs2 as gs2
from sasl_core.mechanisms import find, is_name

from ._data import ids, vectors
from ._drive import HASHES, hash_of
from ._vector_cases import LEFT_OUT, VectorCase, derived, stored_keys, vectors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

# Registered usage that the library departs from on purpose.
IN_DAILY_USE = {
    "registry-login": "old, but what many clients have; it ranks after PLAIN",
    "registry-xoauth2": "old, but what the large mail services have",
}
GIVEN_UP = {"registry-ntlm": "of limited use in 2006; its own maker gives it up now"}

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


# --- channel bindings ---------------------------------------------------------

_TLS = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


class _NoHandshake:
    """A TLS object whose handshake is not done."""

    server_side = False

    def version(self) -> None:
        """Return the protocol's version: none yet."""

    def get_channel_binding(self, _type: str = "tls-unique") -> None:
        """Return the binding: none yet."""

    def getpeercert(self, _binary: bool = False) -> None:
        """Return the certificate: none yet."""


@vectors_of("channel_binding")
class ChannelBindingVectors(VectorCase):
    """The rules of each type of channel binding."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for certificates, one for the parameters, one for each polarity."""
        if "certificate_der_base64" in vector["inputs"]:
            return [("", cls.check_certificate)]
        if vector["id"] == "tls-exporter-parameters":
            return [("", cls.check_exporter_parameters)]
        return [("", getattr(cls, f"check_{vector['polarity']}"))]

    def check_certificate(self, vector: Vector) -> None:
        """The end-point binding is the certificate under its own signature's hash."""
        der = b64decode(vector["inputs"]["certificate_der_base64"])
        if vector["polarity"] == "negative":
            with self.assertRaises(ValueError):
                sasl.ChannelBinding.tls_server_end_point(der)
            return
        binding = sasl.ChannelBinding.tls_server_end_point(der)
        self.assertEqual(binding.type, "tls-server-end-point")
        self.assertEqual(binding.data.hex(), vector["expect"]["data_hex"])

    def check_exporter_parameters(self, vector: Vector) -> None:
        """Exported material has the length; who exports it is told the label."""
        expect = vector["expect"]
        exporter = sasl.ChannelBinding.tls_exporter
        data = bytes(expect["length"])
        self.assertEqual(exporter(data, version="TLSv1.3").data, data)
        self.assertIn(expect["label"], exporter.__doc__ or "")

    def check_positive(self, vector: Vector) -> None:
        """A first Finished message of the usual length is taken."""
        inputs = vector["inputs"]
        data = bytes(inputs["finished_octets"])
        version = _TLS[inputs["tls_version"]]
        binding = sasl.ChannelBinding.tls_unique(data, version=version)
        self.assertEqual(len(binding.data), vector["expect"]["length"])

    def check_negative(self, vector: Vector) -> None:
        """What the type does not allow is refused."""
        inputs = vector["inputs"]
        if "tls_version" in inputs and inputs["tls_version"] is None:
            with self.assertRaises(ValueError):
                sasl.Channel.from_ssl(_NoHandshake())
            return
        version = _TLS[inputs.get("tls_version", "1.3")]
        data = bytes.fromhex(inputs.get("data_hex", "00" * 32))
        with self.assertRaises(ValueError):
            if inputs["type"] == "tls-unique":
                sasl.ChannelBinding.tls_unique(data[:12], version=version)
            else:
                sasl.ChannelBinding.tls_exporter(
                    data,
                    version=version,
                    extended_master_secret=inputs.get("extended_master_secret", False),
                    renegotiation=inputs.get("renegotiation_enabled", False),
                )


# --- the registry, names, choosing --------------------------------------------


@vectors_of("mechanisms_registry")
class RegistryVectors(VectorCase):
    """Mechanism names, registered usage, and choosing."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for each operation."""
        if vector["id"] in LEFT_OUT:
            return []
        return {
            "mechanism-usage": [("", cls.check_usage)],
            "mechanism-name": [("", cls.check_name)],
            "choose-mechanism": [("", cls.check_choice)],
        }[vector["operation"]]

    def check_usage(self, vector: Vector) -> None:
        """The registry knows the mechanism, its document, and what is obsolete."""
        mechanism = find(vector["inputs"]["name"])
        self.assertIsNotNone(mechanism)
        expect = vector["expect"]
        self.assertIn(expect.get("reference", ""), mechanism.specification)
        obsolete = expect["usage"] == "OBSOLETE" and vector["id"] not in IN_DAILY_USE
        obsolete = obsolete or vector["id"] in GIVEN_UP
        self.assertEqual(mechanism.obsolete, obsolete)

    def check_name(self, vector: Vector) -> None:
        """A name is one by the grammar, or is refused as none on both sides."""
        name = vector["inputs"]["name"]
        self.assertEqual(is_name(name), vector["polarity"] == "positive")
        # Any case is read; so is what is registered, and longer than it may be.
        taken = ("mechname-neg-lower", "mechname-neg-24")
        if vector["polarity"] == "negative" and vector["id"] not in taken:
            with self.assertRaises(sasl.NoMechanism):
                sasl.server(name, channel=sasl.Channel(encrypted=True))

    def check_choice(self, vector: Vector) -> None:
        """The client takes the strongest that the channel allows, or none."""
        inputs = vector["inputs"]
        bindings = [
            sasl.ChannelBinding(kind, bytes(32)) for kind in inputs["channel_bindings"]
        ]
        make = partial(
            sasl.client,
            inputs["offered"],
            sasl.Credentials("user", "pencil"),
            channel=sasl.Channel(encrypted=inputs["tls"], bindings=bindings),
        )
        if vector["polarity"] == "negative":
            with self.assertRaises(sasl.NoMechanism):
                make()
            return
        self.assertEqual(make().name, vector["expect"]["chosen"])


class TablesTest(unittest.TestCase):
    """The table of this module."""

    def test_departures_are_real(self) -> None:
        """What we depart from is in the file, and says otherwise."""
        usage = {v["id"]: v["expect"] for v in vectors("mechanisms_registry")}
        self.assertLessEqual(set(IN_DAILY_USE), ids(vectors("mechanisms_registry")))
        for name in IN_DAILY_USE:
            self.assertEqual(usage[name]["usage"], "OBSOLETE")
        for name in GIVEN_UP:
            self.assertEqual(usage[name]["usage"], "LIMITED")


if __name__ == "__main__":
    unittest.main()
