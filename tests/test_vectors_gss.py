"""Every vector of GSSAPI's layers and SASL's buffers, and of GS2 what is GSS-API's."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core._strict import Malformed
from sasl_core.layers import Layer
from sasl_core.mechanisms import _gss_messages as messages
from sasl_core.mechanisms import gs2

from . import _accounts as accounts
from . import _gss as gss
from ._data import ids, vectors
from ._vector_cases import VectorCase, generated, vectors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

LAYERS = ("confidentiality", "integrity", "none")
RAW = sasl.profiles.RAW


class Clear(Layer):
    """A layer that protects nothing; `opened` is each buffer by itself."""

    __slots__ = ("opened",)

    def __init__(self, size: int) -> None:
        super().__init__(confidential=False, send_size=size, receive_size=size)
        self.opened: list[bytes] = []

    def _seal(self, data: bytes) -> bytes:
        return data

    def _open(self, sealed: bytes) -> bytes:
        self.opened.append(sealed)
        return sealed


def client_at_offer(*layers: str) -> tuple[sasl.Client, gss.Context]:
    """Return a client that waits for the offer of layers, and the server's context."""
    client = accounts.make_client("GSSAPI", profile=RAW, layers=layers)
    context = gss.Context(False, accounts.PASSWORD, oid=messages.der(messages.KERBEROS))
    client.step(context.step(client.start()))
    return client, context


def server_at_choice(*layers: str) -> tuple[sasl.Server, gss.Context, bytes]:
    """Return a server that waits for the choice, the client's context, and the offer."""
    server = accounts.make_server("GSSAPI", profile=RAW, layers=layers)
    context = accounts.TABLE["GSSAPI"].right["gss"](
        "imap@h", mechanism=messages.KERBEROS, bindings=None, layers=LAYERS
    )
    request = server.start(context.step())
    token = accounts.Application().settle(request).data
    context.step(token)
    return server, context, context.unwrap(server.step(b"").data).message


@vectors_of("gssapi")
class LayerVectors(VectorCase):
    """Offers and choices, as octets and within exchanges; buffers."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for each operation and polarity."""
        negative = vector["polarity"] == "negative"
        return {
            "security-layer-offer": [
                ("", cls.check_no_offer if negative else cls.check_offer)
            ],
            "security-layer-choice": [
                ("", cls.check_no_choice if negative else cls.check_choice)
            ],
            "sasl-buffer": [("", cls.check_buffer)],
            "sasl-buffer-stream": [
                ("", cls.check_long_buffer if negative else cls.check_stream)
            ],
        }.get(vector["operation"], [("", cls.check_tokens)])

    def check_tokens(self, vector: Vector) -> None:
        """The published tokens hold what breaks the rules; both sides refuse it."""
        inputs, expect = vector["inputs"], vector["expect"]
        sides = ("server", messages.read_offer), ("client", messages.read_choice)
        for side, read in sides:
            plain = bytes.fromhex(expect[f"{side}_plaintext_hex"])
            self.assertIn(plain, bytes.fromhex(inputs[f"{side}_token_hex"]))
            self.assertEqual(int.from_bytes(plain[1:4]), expect[f"{side}_max_size"])
            with self.assertRaisesRegex(Malformed, "size without a layer"):
                read(plain)

    def check_offer(self, vector: Vector) -> None:
        """It is read, and a client takes what it wants of it."""
        plain, expect = (
            bytes.fromhex(vector["inputs"]["plaintext_hex"]),
            vector["expect"],
        )
        names, size = messages.read_offer(plain)
        self.assertEqual(names, set(expect["layer_names"]))
        self.assertEqual(size, expect["max_size"])
        self.assertEqual(messages.write(names, size), plain)
        client, context = client_at_offer(*LAYERS)
        response = client.step(context.wrap(plain, False).message)
        chosen = messages.read_choice(context.unwrap(response).message)[0]
        self.assertEqual(chosen, next(name for name in LAYERS if name in names))
        client.finish()
        self.assertEqual(client.layer is None, chosen == "none")

    def check_no_offer(self, vector: Vector) -> None:
        """A client raises, and answers nothing."""
        plain = bytes.fromhex(vector["inputs"]["plaintext_hex"])
        client, context = client_at_offer(*LAYERS)
        with self.assertRaises(sasl.ProtocolError):
            client.step(context.wrap(plain, False).message)

    def check_choice(self, vector: Vector) -> None:
        """It is read, and a server lets its client in."""
        plain, expect = (
            bytes.fromhex(vector["inputs"]["plaintext_hex"]),
            vector["expect"],
        )
        name, size, authzid = messages.read_choice(plain)
        self.assertEqual((name, size), (expect["layer"], expect["max_size"]))
        self.assertEqual(authzid.decode(), expect["authzid"] or "")
        self.assertEqual(messages.write([name], size, authzid), plain)
        server, context, _ = server_at_choice(*LAYERS)
        event = server.step(context.wrap(plain, False).message)
        if authzid:
            self.assertEqual(event.authzid, expect["authzid"])
            event = event.answer(True)
        self.assertEqual(event.layer is None, name == "none")

    def check_no_choice(self, vector: Vector) -> None:
        """A server refuses it."""
        inputs = vector["inputs"]
        layers = [
            name
            for bit, name in enumerate(LAYERS[::-1])
            if inputs["offered"] >> bit & 1
        ]
        server, context, offer = server_at_choice(*layers)
        self.assertEqual(offer[0], inputs["offered"])
        plain = bytes.fromhex(inputs["plaintext_hex"])
        event = server.step(context.wrap(plain, False).message)
        self.assertIs(event.reason, sasl.Reason.MALFORMED)

    def check_buffer(self, vector: Vector) -> None:
        """It is four octets of length and the data; ours never sends an empty one."""
        plain = bytes.fromhex(vector["inputs"]["protected_hex"])
        framed = bytes.fromhex(vector["expect"]["framed_hex"])
        self.assertEqual(Clear(65536).wrap(plain), framed if plain else b"")
        self.assertEqual(Clear(65536).unwrap(framed), plain)

    def check_stream(self, vector: Vector) -> None:
        """However it is cut, it is the same buffers."""
        inputs = vector["inputs"]
        layer = Clear(inputs["max_size"])
        for chunk in inputs["chunks_hex"]:
            layer.unwrap(bytes.fromhex(chunk))
        found = [opened.hex() for opened in layer.opened]
        self.assertEqual(found, vector["expect"]["protected_hex"])

    def check_long_buffer(self, vector: Vector) -> None:
        """Its length alone ends the layer."""
        inputs = vector["inputs"]
        layer = Clear(inputs["max_size"])
        with self.assertRaises(sasl.ProtocolError):
            layer.unwrap(bytes.fromhex(inputs["framed_hex"]))
        self.assertTrue(layer.closed)


@vectors_of("gs2")
class FamilyVectors(VectorCase):
    """What of GS2 is for GSS-API mechanisms: names, the flag F, tokens and their headers.

    The rest is in `test_vectors_parts`.
    """

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for each operation."""
        if vector["inputs"].get("allow_nonstandard_flag"):
            return [("", cls.check_nonstandard)]
        negative = vector["polarity"] == "negative"
        return {
            "gs2-mechanism-name": [("", cls.check_name)],
            "gs2-mechanism-name-parse": [("", cls.check_no_name)],
            "gs2-initial-token": [
                ("", cls.check_broken_token if negative else cls.check_token)
            ],
            "gs2-channel-bindings": [("context", cls.check_bindings)],
        }.get(vector.get("operation", ""), [])

    def check_nonstandard(self, vector: Vector) -> None:
        """A token without a header comes after F, which is not bound."""
        message = bytes.fromhex(vector["inputs"]["hex"])
        if vector["polarity"] == "negative":
            event = accounts.make_server("GS2-KRB5", profile=RAW).start(message)
            self.assertIs(event.reason, sasl.Reason.MALFORMED)
            return
        request = accounts.make_server("GS2-KRB5", profile=RAW).start(message + b"x")
        self.assertEqual(request.bindings, message[2:])
        context = gss.Context(False, accounts.PASSWORD, bindings=request.bindings)
        made = gss.Context(True, accounts.PASSWORD, "user", request.bindings)
        server = accounts.make_server("GS2-KRB5", profile=RAW)
        event = server.start(message + made.step()).answer(context)
        self.assertEqual(made.step(event.data), None)
        self.assertEqual(event.identity, sasl.Identity("user"))

    def check_name(self, vector: Vector) -> None:
        """The name of a mechanism is made from its object identifier."""
        oid, expect = vector["inputs"]["oid"], vector["expect"]
        self.assertEqual(messages.der(oid).hex(), expect["der_hex"])
        plus, plain = gs2.variants(oid)
        self.assertEqual((plain.name, plus.name), (expect["name"], expect["name_plus"]))

    def check_no_name(self, vector: Vector) -> None:
        """What could not be one is no mechanism."""
        with self.assertRaises(sasl.NoMechanism):
            sasl.server(vector["inputs"]["name"], channel=sasl.Channel(True))

    def check_token(self, vector: Vector) -> None:
        """The header is taken off by a client and put back by a server."""
        inputs, expect = vector["inputs"], vector["expect"]
        token, oid = (
            bytes.fromhex(text) for text in (inputs["gss_token_hex"], expect["oid_hex"])
        )
        message = bytes.fromhex(expect["message_hex"])
        inner = messages.strip(token, oid)
        self.assertEqual(inputs["gs2_header"].encode() + (inner or b""), message)
        server = accounts.make_server("GS2-KRB5", profile=RAW)
        got: list[bytes] = []

        class Keeps(gss.Context):
            def step(self, token: bytes | None = None) -> bytes | None:
                got.append(token or b"")
                return super().step(token)

        server.start(message).answer(Keeps(False, ""))
        self.assertEqual(got, [token])

    def check_broken_token(self, vector: Vector) -> None:
        """A client whose context makes one does not begin."""
        token = bytes.fromhex(vector["inputs"]["gss_token_hex"])

        class Broken(gss.Context):
            def step(self, _: bytes | None = None) -> bytes | None:
                return token

        with self.assertRaises(sasl.CredentialsError):
            accounts.make_client(
                "GS2-KRB5",
                credentials=sasl.Credentials(gss=lambda _, **more: Broken(True, "")),
            )

    def check_bindings(self, vector: Vector) -> None:
        """Both contexts are made with the header and the octets of the channel."""
        inputs = vector["inputs"]
        header, data = inputs["gs2_header"], inputs["channel_binding_data_hex"]
        flag, authzid, _ = header.split(",")
        name = "GS2-KRB5-PLUS" if data else "GS2-KRB5"
        bindings = list(accounts.BINDINGS[:1]) if flag == "y" else []
        if data:
            octets = bytes.fromhex(data)
            bindings.append(sasl.ChannelBinding(flag.removeprefix("p="), octets))
        maker = gss.Maker("user", "pencil")
        client = accounts.make_client(
            name,
            credentials=sasl.Credentials(gss=maker, authzid=authzid[2:]),
            on=accounts.channel(name, bindings=bindings),
            profile=RAW,
        )
        theirs = bindings if data else []
        server = accounts.make_server(
            name, on=accounts.channel(name, bindings=theirs), profile=RAW
        )
        request = server.start(client.start())
        expected = bytes.fromhex(vector["expect"]["application_data_hex"])
        self.assertEqual(maker.asked[0]["bindings"], expected)
        self.assertEqual(request.bindings, expected)


class CompletenessTest(unittest.TestCase):
    """Every vector of GSSAPI has a test; those of GS2 are counted in `test_vectors`."""

    def test_all_of_the_file(self) -> None:
        self.assertEqual(generated["gssapi"], ids(vectors("gssapi")))


if __name__ == "__main__":
    unittest.main()
