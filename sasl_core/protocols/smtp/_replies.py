"""What a server says of its own, with the codes of RFC 4954, 5321 and 5248.

The replies to a failed exchange are the profile's.
"""

from __future__ import annotations

from ._words import Reply

READY = Reply(220, "2.0.0 Ready to start TLS")
TIMED_OUT = Reply(421, "4.4.2 Timeout, closing the connection", close=True)

SAY_HELLO = Reply(503, "5.5.1 Say hello first")
ALREADY = Reply(503, "5.5.1 Already authenticated")
IN_TRANSACTION = Reply(503, "5.5.1 No AUTH during a mail transaction")
AUTH_SYNTAX = Reply(501, "5.5.4 Syntax: AUTH mechanism [initial-response]")
AUTH_NEEDED = Reply(530, "5.7.0 Authentication required")
NO_ARGUMENT = Reply(501, "5.5.4 An argument is missing")
BAD_IDENTITY = Reply(501, "5.5.4 Syntax error in the parameters of MAIL")
NOT_A_COMMAND = Reply(500, "5.5.2 Not a command")
TOO_LONG = Reply(500, "5.5.6 Line too long")
NO_TLS = Reply(502, "5.5.1 STARTTLS is not offered")
TLS_ALREADY = Reply(503, "5.5.1 TLS is already in use")
TLS_SYNTAX = Reply(501, "5.5.4 STARTTLS takes no argument")
INJECTED = Reply(503, "5.5.1 Nothing may follow STARTTLS", close=True)
TOO_MANY = Reply(421, "4.7.0 Too many failed attempts", close=True)
CLOSING = Reply(421, "4.3.0 The connection is being closed", close=True)
