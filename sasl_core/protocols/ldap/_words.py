"""What a server of LDAP sends and hands on; and how its octets are cut."""

from __future__ import annotations

from ..._events import Request
from ..._strict import Malformed
from .._frames import FrameBuffer
from .._replies import OctetsReply
from . import _ber as ber
from . import _messages as messages


class Reply(OctetsReply):
    """Whole LDAP messages, one after the other."""

    __slots__ = ()


class Command(messages.Message):
    """An operation that is not about authentication: the application answers it.

    `tag` is that of the operation (0x63: search), `body` its content, `controls` that of
    its controls, raw: one that is critical and unknown must be refused (code 12).
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """The object identifier of an extended request; "" for any other."""
        if self.tag != messages.EXTENDED:
            return ""
        return messages.read_extended(self.body)[0]

    def done(
        self,
        code: int = messages.SUCCESS,
        text: str = "",
        *,
        before: bytes = b"",
        value: bytes | None = None,
        close: bool = False,
    ) -> Reply:
        """Say how it ended, by a result code, with the `value` of an extended response.

        `before`: whole messages that go before it, such as a search's entries. Nothing
        is said to an abandon request.
        """
        tag = messages.RESPONSES[self.tag]
        if tag == messages.EXTENDED_RESPONSE:
            ended = messages.extended_response(self.message_id, code, text, value=value)
        elif tag:
            body = messages.result(code, text)
            ended = bytes(messages.Message(self.message_id, tag, body))
        else:
            ended = b""
        return Reply(before + ended, close=close)


Action = Reply | Request | Command  # what a server is to do next


class MessageBuffer(FrameBuffer):
    """Octets in, the frames of LDAP messages out."""

    __slots__ = ()

    def _size(self, buffer: bytearray) -> int | None:
        if buffer and buffer[0] != ber.SEQUENCE:
            return 0
        try:
            found = ber.extent(buffer[:6])
        except Malformed:
            return 0
        return None if found is None else found[1]
