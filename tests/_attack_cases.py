"""How tests are made of attacks: one method for each, over raw octets and over base64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._data import add_test, method_name
from ._drive import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from unittest import TestCase

    Case = dict[str, Any]


def attack(
    cases: list[Case], server: type[TestCase], client: type[TestCase]
) -> set[str]:
    """Add a test for each case to the test case of its side; return the ids.

    Its method `check` is called with the case, and with the profile.
    """
    for case in cases:
        kind = server if case["side"] == "server" else client
        add_test(kind, method_name(case["id"]), _run(case))
    return {case["id"] for case in cases}


def _run(case: Case) -> Callable[[Any], None]:
    def run(self: Any) -> None:
        for profile in PROFILES:
            with self.subTest(profile=profile.name, title=case["title"]):
                self.check(case, profile)

    return run
