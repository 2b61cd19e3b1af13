"""Dovecot's authentication protocol: by it Postfix, Exim and others ask who somebody is.

`ServerSession` is the service that they ask, `ClientSession` a mail server that asks;
`MasterServer` and `MasterClient` are the same for what is known of a user.
"""

from ..forwarding import Continue, Refused, Verified
from ._answers import Answer, Outcome
from ._client import ClientSession, TooLong
from ._logins import Found, Login, Logins
from ._master import FindUser, LookedUp, MasterClient, MasterServer
from ._server import Action, Question, ServerSession
from ._words import Fields, Reply

__all__ = [
    "Action",
    "Answer",
    "ClientSession",
    "Continue",
    "Fields",
    "FindUser",
    "Found",
    "Login",
    "Logins",
    "LookedUp",
    "MasterClient",
    "MasterServer",
    "Outcome",
    "Question",
    "Refused",
    "Reply",
    "ServerSession",
    "TooLong",
    "Verified",
]
