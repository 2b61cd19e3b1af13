"""Fields of records that hold a secret are not shown, whether or not a test plays them."""

from __future__ import annotations

import dataclasses
import pkgutil
import unittest
from importlib import import_module

from sasl_core import mechanisms
from sasl_core.mechanisms import Asking, ClientRecord, ServerRecord

# What holds a secret, or tells one, where it is no more than octets, a text or a number;
# and a function that signs for the user.
_HIDDEN = frozenset(
    [
        *("a", "b", "v", "key", "proof", "password", "passphrase", "passcode"),
        *("digest", "token", "url", "signer", "bound", "binding", "server_signature"),
    ]
)
_PLAIN = frozenset(["bytes", "str", "int", "Signer"])


class FieldTest(unittest.TestCase):
    """Every field of every record of every mechanism, by its name."""

    def test_none_is_shown(self) -> None:
        """A number shows in no form that `test_secrets` searches for."""
        for found in pkgutil.iter_modules(mechanisms.__path__):
            import_module(f"{mechanisms.__name__}.{found.name}")
        fields = [
            (record.__module__, record.__name__, field)
            for base in (ClientRecord, ServerRecord, Asking)
            for record in base.__subclasses__()
            if dataclasses.is_dataclass(record)
            for field in dataclasses.fields(record)
            if field.name in _HIDDEN and field.type in _PLAIN
        ]
        self.assertGreater(len(fields), 20)
        shown = [(*where, field.name) for *where, field in fields if field.repr]
        self.assertEqual(shown, [])


if __name__ == "__main__":
    unittest.main()
