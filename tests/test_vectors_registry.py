"""Published vectors of mechanism names, their registered usage, and choosing."""

from __future__ import annotations

import unittest
from functools import partial
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.mechanisms import find, is_name

from ._data import ids, vectors
from ._vector_cases import LEFT_OUT, VectorCase, vectors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

# Registered usage that the library departs from on purpose.
IN_DAILY_USE = {
    "registry-login": "old, but what many clients have; it ranks after PLAIN",
    "registry-xoauth2": "old, but what the large mail services have",
}
GIVEN_UP = {"registry-ntlm": "of limited use in 2006; its own maker gives it up now"}


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
