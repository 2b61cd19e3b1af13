"""The vectors, attack cases and transcripts that lie beside the tests, as values."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from unittest import TestCase

_HERE = Path(__file__).parent


@cache
def vectors(name: str) -> list[dict[str, Any]]:
    """Return the vectors of one file, `name` without its suffix."""
    return _list(_HERE / "vectors" / f"{name}.json", "vectors")


@cache
def attacks(name: str) -> list[dict[str, Any]]:
    """Return the attack cases of one file, `name` without its suffix."""
    return _list(_HERE / "attacks" / f"{name}.json", "cases")


@cache
def transcripts(name: str) -> list[dict[str, Any]]:
    """Return the recorded exchanges of one server, `name` without its suffix."""
    return _list(_HERE / "transcripts" / f"{name}.json", "transcripts")


def recorded_servers() -> list[str]:
    """Return the names of the servers that there are recordings of."""
    return sorted(path.stem for path in (_HERE / "transcripts").glob("*.json"))


def ids(items: list[dict[str, Any]]) -> set[str]:
    """Return the ids of a file's items; raise ValueError if one comes twice."""
    found = {item["id"] for item in items}
    if len(found) != len(items):
        raise ValueError("an id comes twice")
    return found


def octets(message: dict[str, Any]) -> bytes:
    """Return the octets of a message, however it is written down."""
    if "hex" in message:
        return bytes.fromhex(message["hex"])
    if "parts" in message:
        return b"".join(map(_part, message["parts"]))
    return bytes(message["raw"].encode())


def method_name(*words: str) -> str:
    """Return the name of a test method made of an id and other words."""
    text = "_".join(filter(None, ("test", *words)))
    return "".join(char if char.isalnum() else "_" for char in text)


def add_test(case: type[TestCase], name: str, run: Callable[[Any], None]) -> None:
    """Add a generated method; raise ValueError where its name is taken."""
    if hasattr(case, name):
        raise ValueError(f"{name} comes twice")
    run.__name__ = name
    run.__qualname__ = f"{case.__qualname__}.{name}"
    setattr(case, name, run)


def generate(
    items: list[dict[str, Any]],
    ways: Callable[[dict[str, Any]], Iterable[tuple[type[TestCase], str]]],
    prefix: str = "check",
) -> set[str]:
    """Add a test for each way to run each item; return the ids of those that have one.

    `ways` gives a test case and a word: it is called by its method of that name, behind
    the prefix.
    """
    found = set()
    for item in items:
        for case, word in ways(item):
            add_test(case, method_name(item["id"], word), _run(prefix, word, item))
            found.add(item["id"])
    return found


def _run(prefix: str, word: str, item: dict[str, Any]) -> Callable[[Any], None]:
    name = f"{prefix}_{word}" if word else prefix

    def run(self: TestCase) -> None:
        getattr(self, name)(item)

    return run


def _part(part: dict[str, Any]) -> bytes:
    if "repeat" in part:
        unit, count = part["repeat"]
        return bytes.fromhex(unit) * int(count)
    return bytes.fromhex(part["hex"])


def _list(path: Path, key: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))[key]
    return items
