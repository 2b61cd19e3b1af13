"""What a server says of an empty mailbox: enough for a mail program to end content.

The words of IMAP (RFC 3501, section 6) and of POP3 (RFC 1939, section 5) that programs
send after they have logged in. What belongs to the log-in, and to the connection
(CAPABILITY, CAPA, STARTTLS, STLS, LOGOUT, QUIT), is the session's to answer.
"""

from __future__ import annotations

_FLAGS = rb"(\Answered \Flagged \Deleted \Seen \Draft)"
_SELECTED = (
    b"FLAGS " + _FLAGS,
    b"0 EXISTS",
    b"0 RECENT",
    b"OK [PERMANENTFLAGS " + _FLAGS + b"] Limited",
    b"OK [UIDVALIDITY 1] Ok",
    b"OK [UIDNEXT 1] Ok",
)
_INBOX = rb'LIST (\HasNoChildren) "/" INBOX'
_SEPARATOR = rb'LIST (\Noselect) "/" ""'

# The lines before the tagged one.
_UNTAGGED: dict[str, tuple[bytes, ...]] = {
    "SELECT": _SELECTED,
    "EXAMINE": _SELECTED,
    "LIST": (_INBOX,),
    "ENABLE": (b"ENABLED",),
    "CLOSE": (),
    "NOOP": (),
}
_CODES = {"SELECT": "[READ-WRITE] ", "EXAMINE": "[READ-ONLY] "}
_POP3 = {
    "STAT": b"+OK 0 0\r\n",
    "LIST": b"+OK 0 messages\r\n.\r\n",
    "UIDL": b"+OK 0 messages\r\n.\r\n",
}


def imap(tag: str, command: str, arguments: bytes) -> bytes:
    """Answer a command in the authenticated or the selected state: all of the lines."""
    verb = command.upper()
    if verb not in _UNTAGGED:
        return f"{tag} BAD Unknown command\r\n".encode()
    untagged = _UNTAGGED[verb]
    if verb == "LIST" and arguments.endswith(b'""'):
        untagged = (_SEPARATOR,)  # all that an empty pattern asks for
    lines = b"".join(b"* " + line + b"\r\n" for line in untagged)
    return lines + f"{tag} OK {_CODES.get(verb, '')}Completed\r\n".encode()


def pop3(verb: str, argument: bytes) -> bytes:
    """Answer a command in the transaction state; there is no message to name."""
    answer = _POP3.get(verb.upper())
    if answer is None or argument:
        return b"-ERR No such message, or no such command\r\n"
    return answer
