"""What an installation gets: every package, and what says that it is typed."""

from __future__ import annotations

import tomllib
import unittest
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_SETUPTOOLS = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "tool"
]["setuptools"]


class PackagesTest(unittest.TestCase):
    """`tests/interop/test_wheel.py` builds one; this is what can be seen without."""

    def test_no_folder_is_forgotten(self) -> None:
        """All are looked for, and each of ours is found: it has an `__init__.py`."""
        self.assertEqual(
            _SETUPTOOLS["packages"],
            {"find": {"include": ["sasl_core*"], "namespaces": False}},
        )
        for path in (_ROOT / "sasl_core").rglob("*.py"):
            with self.subTest(path.name):
                self.assertTrue((path.parent / "__init__.py").is_file())

    def test_data(self) -> None:
        """What is no module has to be named."""
        root = _ROOT / "sasl_core"
        for name in _SETUPTOOLS["package-data"]["sasl_core"]:
            self.assertTrue((root / name).is_file())
        self.assertIn("py.typed", _SETUPTOOLS["package-data"]["sasl_core"])
