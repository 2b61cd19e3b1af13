"""The table of who spoke with whom, written to the path SASL_CORE_INTEROP_TABLE."""

from __future__ import annotations

import os
from pathlib import Path


def note(server: str, client: str, mechanism: str, case: str, outcome: str) -> None:
    """Append one line to the table, if somebody wants it."""
    path = os.environ.get("SASL_CORE_INTEROP_TABLE")
    if path:
        with Path(path).open("a", encoding="utf-8") as table:
            print(server, client, mechanism, case, outcome, sep="\t", file=table)
