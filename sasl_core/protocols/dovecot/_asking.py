"""AskingSession: a connection on which a mail server asks, and the service answers."""

from __future__ import annotations

from typing import Generic, TypeVar

from ..._errors import ProtocolError, StateError
from ..._strict import Malformed
from ..._value import Secretive
from .._lines import LineBuffer
from ._words import LINE_LIMIT, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Protocol

    class Answering(Protocol):
        """An answer to the question of this id."""

        @property
        def id(self) -> int: ...


AnswerT = TypeVar("AnswerT", bound="Answering")


class AskingSession(Secretive, Generic[AnswerT]):
    """What both of a mail server's connections do: send what `data_to_send` gives, and
    feed `receive` with what comes.

    A session says in `_open` what may still be answered, and in `_line` what a line of
    the service means.
    """

    __slots__ = ("_incoming", "_lost", "_out", "_over")

    _open: Collection[int]

    def __init__(self, first: bytes) -> None:
        self._incoming = LineBuffer(LINE_LIMIT, bare_lf=True)
        self._lost: set[int] = set()  # whose answers count no more
        self._out = bytearray(first)
        self._over = False

    def data_to_send(self) -> bytes:
        """Return what is to be sent, once."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def receive(self, data: bytes) -> list[AnswerT]:
        """Take octets from the server; return the answers in them.

        Raise ProtocolError for what breaks the rules, whichever question it was for:
        then the session is over, and `closed` due. Answers before that count no more: none
        is taken from a server that is not one.
        """
        if self._over:
            raise StateError("the connection is over")
        self._incoming.feed(data)
        answers = []
        problem = ""
        try:
            while (line := self._incoming.next()) is not None:
                if len(line) > LINE_LIMIT:
                    raise Malformed("a line over the limit")
                answer = self._line(split(line.removesuffix(b"\n")))
                if answer is not None:
                    answers.append(answer)
        except Malformed as error:
            problem = str(error)
        if problem:
            self._over = True
            self._lost = {answer.id for answer in answers}.difference(self._open)
            raise ProtocolError(problem)
        return answers

    def _end(self) -> list[int]:
        """Take the end of the connection; return what nobody answers now."""
        self._over = True
        unanswered = sorted(self._lost.union(self._open))
        self._lost = set()
        return unanswered

    def _line(self, fields: list[bytes]) -> AnswerT | None:
        """Take a line; return the answer that it is, if any. Raise Malformed."""
        raise TypeError("a session says what a line means")
