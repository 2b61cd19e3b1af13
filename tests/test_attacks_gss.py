"""Every hostile input to GSSAPI and GS2, with the scripted context that each case names."""

from __future__ import annotations

import tracemalloc
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl

from ._attack_cases import attack
from ._data import attacks, ids, octets
from ._drive import Calling, Serving, Store
from ._gss import CONFIDENTIALITY, INTEGRITY, MUTUAL, Fault, Wrapped

if TYPE_CHECKING:
    Case = dict[str, Any]

CASES = attacks("gssapi")
LAYERS = {1: "none", 2: "integrity", 4: "confidentiality"}


class Scripted:
    """A context that is complete after one token each way, and opens all as it is told."""

    actual_flags = MUTUAL | INTEGRITY | CONFIDENTIALITY

    def __init__(self, case: Case) -> None:
        stub, self.initiates = case["setup"]["gss_stub"], case["side"] == "client"
        self.plain, self.encrypted = stub["unwrap_hex"], stub["conf_state"]
        self.initiator_name = case["setup"]["account"]["authcid"]
        self.complete = False

    def step(self, token: bytes | None = None) -> bytes | None:
        """Make a token; refuse one that is bound to something else."""
        if token is not None and b"-bound-to-other-channel" in token:
            raise Fault("bindings")
        self.complete = token is not None
        return b"gss-token" if token is None or not self.initiates else None

    def wrap(self, message: bytes, encrypt: bool) -> Wrapped:
        """Say what was to be wrapped."""
        return Wrapped(b"<wrapped>" + message, encrypt)

    def unwrap(self, message: bytes) -> Wrapped:
        """Say what the case wants to have been wrapped."""
        return Wrapped(bytes.fromhex(self.plain), self.encrypted)

    def get_wrap_size_limit(self, size: int, encrypted: bool = True) -> int:
        """Leave nothing for protection."""
        return size


def settings(case: Case) -> dict[str, Any]:
    """Return what both sides of a case are made with."""
    setup = case["setup"]
    layers = [LAYERS[bit] for bit in reversed(setup["policy"]["layers"])]
    if case["mechanism"] != "GSSAPI":
        layers.append("none")
    bound = setup.get("channel_binding")
    bindings = []
    if bound:
        data = bytes.fromhex(bound["data_hex"])
        bindings.append(sasl.ChannelBinding(bound["type"], data))
    return {
        "channel": sasl.Channel(True, service="imap", host="h", bindings=bindings),
        "policy": sasl.Policy(
            allow=[case["mechanism"]],
            layers=layers,
            max_buffer=setup["policy"]["maxbuf"],
        ),
    }


class ServerAttacks(unittest.TestCase):
    """Our server under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """Go through the case, to its end or that of the exchange."""
        server = sasl.server(case["mechanism"], profile=profile, **settings(case))
        store = Store(contexts=lambda _: Scripted(case))
        serving = Serving(server, store)
        if "state" in case["setup"]:
            return self.check_layer(case, serving)
        for step in case["steps"]:
            if "from" in step:
                serving.receive(octets(step))
        if case["expected"] == "accept":
            self.assertEqual(serving.event.identity.authcid, "user@EXAMPLE.COM")
            return None
        self.assertEqual(case["expected"], "reject")
        self.assertIsInstance(serving.event, sasl.Failure)
        # It was the attack, not the absence of a context, that was refused.
        early = case["class"] == "gs2"
        self.assertEqual(store.was_asked(sasl.AcceptSecurityContext), not early)
        return None

    def check_layer(self, case: Case, serving: Serving) -> None:
        """Feed a layer with what the client sends."""
        for message in (b"gss-token", b"", b"<wrapped>"):
            serving.receive(message)
        layer = serving.event.layer
        (attack,) = case["steps"]
        tracemalloc.start()
        try:
            with self.assertRaises(sasl.ProtocolError):
                layer.unwrap(octets(attack))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertLess(peak, case.get("bounds", {}).get("max_bytes", 65536))
        with self.assertRaises(sasl.StateError):
            layer.unwrap(b"")


class ClientAttacks(unittest.TestCase):
    """Our client under attack."""

    def check(self, case: Case, profile: sasl.Profile) -> None:
        """Answers up to the attack, and an error at it."""
        context = Scripted(case)
        has = sasl.Credentials(gss=context)
        client = sasl.client(case["mechanism"], has, profile=profile, **settings(case))
        calling = Calling(client)
        calling.begin()
        *before, attack = case["steps"]
        for step in before:
            if "from" in step:
                calling.receive(octets(step))
        self.assertEqual(calling.sent, [b"gss-token", b""])
        self.assertEqual(case["expected"], "abort")
        if "note" in attack:
            self.check_layer(calling, context, octets(attack))
            return
        with self.assertRaises(sasl.SASLError) as caught:
            calling.finish() if "signal" in attack else calling.receive(octets(attack))
        self.assertNotIsInstance(caught.exception, sasl.StateError)
        self.assertEqual(len(calling.sent), 2)
        with self.assertRaises(sasl.SASLError):
            calling.finish()

    def check_layer(self, calling: Calling, context: Scripted, frame: bytes) -> None:
        """Agree on encryption; then comes what is not encrypted."""
        plain, context.plain = context.plain, "07ffffff"
        calling.receive(b"<wrapped>")
        calling.finish()
        context.plain = plain
        with self.assertRaises(sasl.ProtocolError):
            calling.client.layer.unwrap(len(frame).to_bytes(4) + frame)


generated = attack(CASES, ServerAttacks, ClientAttacks)


class CompletenessTest(unittest.TestCase):
    """Every case has a test."""

    def test_all_of_the_file(self) -> None:
        self.assertEqual(generated, ids(CASES))


if __name__ == "__main__":
    unittest.main()
