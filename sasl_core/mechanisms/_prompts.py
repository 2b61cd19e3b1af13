"""What a user is asked inside a step, by a function that nobody can await there."""

from __future__ import annotations

from collections.abc import Coroutine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._values import Prompt


def ask(prompt: Prompt, what: str, text: str) -> tuple[str | None, str]:
    """Return what the user says, and why that cannot be: of a coroutine nothing would
    ever come. None: nobody can tell, or nothing was asked for.
    """
    given: object = prompt(what, text)
    if isinstance(given, Coroutine):
        given.close()
        return None, "nobody awaits a prompt: it is no coroutine"
    return given if isinstance(given, str) else None, ""
