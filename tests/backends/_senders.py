"""Who sends, in the tests of senders."""

from __future__ import annotations

ALICE = "alice@example.org"
