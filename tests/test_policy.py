"""Policy: safe defaults, checked words, an immutable value."""

from __future__ import annotations

import copy
import subprocess
import sys
import unittest
from pathlib import Path

import sasl_core as sasl


class PolicyTest(unittest.TestCase):
    """What one side accepts."""

    def test_the_defaults(self) -> None:
        """They are the documented ones, and safe."""
        policy = sasl.Policy()
        self.assertIsNone(policy.allow)
        self.assertEqual(policy.deny, frozenset())
        self.assertEqual(policy.cleartext, "encrypted")
        self.assertEqual(policy.channel_binding, "prefer")
        self.assertEqual(policy.encryption, "prefer")
        self.assertEqual(policy.iterations, (4096, 1_000_000))
        self.assertEqual(policy.max_message, 65536)
        self.assertEqual(policy.decoy, (4096, 16))
        self.assertTrue(policy.prepare)
        self.assertEqual(policy.layers, ("none",))
        self.assertEqual(policy.ciphers, (("rc4", None),))
        self.assertEqual(policy.max_buffer, 65536)

    def test_words_are_checked(self) -> None:
        """A mistyped word is an error, not a weaker policy."""
        for settings in (
            {"cleartext": "encryped"},
            {"cleartext": True},
            {"channel_binding": "requires"},
            {"channel_binding": None},
            {"encryption": True},
            {"layers": ["privacy"]},
            {"layers": []},
            {"max_buffer": 16},
            {"max_buffer": 1 << 24},
        ):
            with self.subTest(settings), self.assertRaises(ValueError):
                sasl.Policy(**settings)
        with self.assertRaises(TypeError):
            sasl.Policy(clear_text="never")

    def test_names_are_in_any_case(self) -> None:
        """And a generator will do."""
        policy = sasl.Policy(allow=(n for n in ["plain"]), deny=["Login"])
        self.assertEqual(policy.allow, {"PLAIN"})
        self.assertEqual(policy.deny, {"LOGIN"})

    def test_it_is_immutable(self) -> None:
        """Nothing is changed after it was given away."""
        policy = sasl.Policy()
        with self.assertRaises(AttributeError):
            policy.cleartext = "always"
        with self.assertRaises(AttributeError):
            del policy.cleartext
        self.assertIs(copy.deepcopy(policy), policy)
        self.assertEqual(policy, sasl.Policy())
        self.assertNotEqual(policy, sasl.Policy(cleartext="never"))

    def test_what_is_not_the_default_is_shown(self) -> None:
        """Every signature has one; a secret stays hidden."""
        self.assertEqual(repr(sasl.Policy()), "Policy()")
        policy = sasl.Policy(cleartext="never", decoy_secret=b"pencil")
        self.assertEqual(
            repr(policy), "Policy(cleartext='never', decoy_secret=<hidden>)"
        )

    def test_the_default_secret_is_of_this_process(self) -> None:
        """Another process shows other salts, and the secret is in no policy."""
        salt = "s.Policy().decoy_terms('sha256', 'nobody')[0].hex()"
        script = f"import sasl_core as s; print({salt})"
        secrets = {
            subprocess.run(
                [sys.executable, "-c", script],
                cwd=Path(sasl.__file__).parent.parent,
                capture_output=True,
                check=True,
                timeout=60,
            ).stdout.strip()
            for _ in range(2)
        }
        mine = sasl.Policy().decoy_terms("sha256", "nobody")
        secrets.add(mine[0].hex().encode())
        self.assertEqual(len(secrets), 3)
        self.assertEqual(mine, sasl.Policy().decoy_terms("sha256", "nobody"))
        self.assertIsNone(sasl.Policy().decoy_secret)
        given = sasl.Policy(decoy_secret=b"of all hosts")
        self.assertEqual(given.decoy_secret, b"of all hosts")
        self.assertNotIn("of all hosts", repr(given))


if __name__ == "__main__":
    unittest.main()
