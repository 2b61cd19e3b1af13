"""A wheel, as pip builds it: what a stranger's installation has."""

from __future__ import annotations

import shutil
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

_ROOT = Path(__file__).parent.parent.parent


class WheelTest(unittest.TestCase):
    """Built in a copy: setuptools would put its `build` folder beside the code."""

    def test_contents(self) -> None:
        """The package, all of it, its marks, and nothing else."""
        with TemporaryDirectory() as folder:
            tree = Path(folder, "tree")
            shutil.copytree(
                _ROOT,
                tree,
                ignore=shutil.ignore_patterns(".*", "build", "__pycache__", "*.egg*"),
            )
            command = ("wheel", "-q", "--no-deps", "-w", folder, str(tree))
            subprocess.run([sys.executable, "-m", "pip", *command], check=True)
            (wheel,) = Path(folder).glob("*.whl")
            names = set(zipfile.ZipFile(wheel).namelist())
        package = _ROOT / "sasl_core"
        wanted = {
            str(path.relative_to(_ROOT))
            for path in (*package.rglob("*.py"), package / "py.typed")
        }
        self.assertLessEqual(wanted, names)
        self.assertTrue(
            any(name.endswith("licenses/sasl_core/LICENSE") for name in names)
        )
        others = {name.split("/")[0] for name in names} - {"sasl_core"}
        self.assertEqual(len(others), 1, others)
        self.assertTrue(others.pop().endswith(".dist-info"))
