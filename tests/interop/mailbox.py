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
_INBOX = rb'(\HasNoChildren) "/" INBOX'
_STATUS = b"STATUS INBOX (MESSAGES 0 RECENT 0 UIDNEXT 1 UIDVALIDITY 1 UNSEEN 0)"

# The lines before the tagged one.
_UNTAGGED: dict[str, tuple[bytes, ...]] = {
    "SELECT": _SELECTED,
    "EXAMINE": _SELECTED,
    "LSUB": (b"LSUB " + _INBOX,),
    "STATUS": (_STATUS,),
    "NAMESPACE": (b'NAMESPACE (("" "/")) NIL NIL',),
    "SEARCH": (b"SEARCH",),
    "UID SEARCH": (b"SEARCH",),
    "ID": (b"ID NIL",),
    "ENABLE": (b"ENABLED",),
}
# These have nothing to say, or nothing to do.
_DONE = frozenset(
    "NOOP CHECK CLOSE UNSELECT EXPUNGE FETCH STORE SUBSCRIBE UNSUBSCRIBE".split()
)
_POP3: dict[str, bytes] = {
    "STAT": b"+OK 0 0\r\n",
    "LIST": b"+OK 0 messages\r\n.\r\n",
    "UIDL": b"+OK 0 messages\r\n.\r\n",
    "LAST": b"+OK 0\r\n",
    "NOOP": b"+OK\r\n",
    "RSET": b"+OK\r\n",
}


def imap(tag: str, command: str, arguments: bytes) -> bytes:
    """Answer a command in the authenticated or the selected state: all of the lines."""
    verb = command.upper()
    if verb == "UID":
        word, _, arguments = arguments.partition(b" ")
        verb = f"UID {word.decode('ascii', 'replace').upper()}"
    if verb == "LIST":
        # an empty pattern asks for the separator only
        bare = arguments.endswith(b'""')
        untagged: tuple[bytes, ...] = (
            rb'LIST (\Noselect) "/" ""' if bare else b"LIST " + _INBOX,
        )
    elif verb in _UNTAGGED:
        untagged = _UNTAGGED[verb]
    elif verb.removeprefix("UID ") in _DONE:
        untagged = ()
    else:
        return f"{tag} BAD Unknown command\r\n".encode()
    code = {"SELECT": "[READ-WRITE] ", "EXAMINE": "[READ-ONLY] "}.get(verb, "")
    lines = b"".join(b"* " + line + b"\r\n" for line in untagged)
    return lines + f"{tag} OK {code}Completed\r\n".encode()


def pop3(verb: str, argument: bytes) -> bytes:
    """Answer a command in the transaction state; there is no message to name."""
    answer = _POP3.get(verb.upper())
    if answer is None or argument:
        return b"-ERR No such message, or no such command\r\n"
    return answer
