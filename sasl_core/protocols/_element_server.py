"""ElementServer: a server session of XMPP's: what comes are elements, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._errors import StateError
from ._lines import LineBuffer
from ._server_session import ReplyT, ServerBase

if TYPE_CHECKING:
    from .._events import Request
    from .._reasons import Reason


class ElementServer(ServerBase[ReplyT, ReplyT]):
    """Everything that authentication means on a stream, as `ServerBase`.

    A session says in `_element` what each one means.
    """

    __slots__ = ()

    def receive(  # type: ignore[override]  # an element is no line
        self, element: ReplyT
    ) -> ReplyT | Request:
        """Take an element; return what to send, or a request to settle.

        Raise StateError while a request waits for its answer, and after `closed`.
        """
        if self._over or self._request is not None:
            raise StateError(
                "no element is due: the session is closed, or waits for an answer"
            )
        return self._too_many() if self._ending else self._element(element)

    def _element(self, element: ReplyT) -> ReplyT | Request:
        """Take an element that may be due."""
        raise TypeError("a session says what it does with an element")

    def _refuse(self, reason: Reason, detail: str) -> ReplyT | Request:
        """Refuse an element, and end the exchange if there is one."""
        if self._server is not None:
            return self._give_up(reason, detail)
        return self._refusal(reason)

    def _buffer(self) -> LineBuffer:
        return LineBuffer(0)  # of no use: elements come in by themselves
