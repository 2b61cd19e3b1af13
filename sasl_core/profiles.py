"""One Profile for each protocol that carries SASL; RAW for none of them."""

from __future__ import annotations

from ._profile import BASE64, Profile
from ._reasons import Reason

__all__ = [
    "AMQP",
    "BASE64",
    "IMAP",
    "IRC",
    "LDAP",
    "LMTP",
    "MANAGESIEVE",
    "NNTP",
    "POP3",
    "POSTGRESQL",
    "RAW",
    "SMTP",
    "XMPP",
    "Profile",
]

# RFC 4954, section 6, with the enhanced codes of RFC 5248 and its registry
_SMTP = {
    Reason.BAD_CREDENTIALS: "535 5.7.8 Authentication credentials invalid",
    Reason.NOT_AUTHORIZED: "535 5.7.8 Not authorized to act as that identity",
    Reason.MALFORMED: "501 5.5.2 Cannot make sense of that response",
    Reason.UNEXPECTED_INITIAL: "501 5.7.0 This mechanism takes no initial response",
    Reason.ABORTED: "501 5.0.0 Authentication aborted",
    Reason.UNSUPPORTED: "504 5.5.4 Unrecognized authentication type",
    Reason.TOO_WEAK: "534 5.7.9 Authentication mechanism is too weak",
    Reason.ENCRYPTION_NEEDED: "538 5.7.11 Encryption required for that mechanism",
    Reason.PASSWORD_EXPIRED: "535 5.7.8 Password expired",
    Reason.TRANSITION_NEEDED: "432 4.7.12 A password transition is needed",
    Reason.DISABLED: "525 5.7.13 User account disabled",
    Reason.TOO_LONG: "500 5.5.6 Authentication exchange line is too long",
    Reason.UNAVAILABLE: "454 4.7.0 Temporary authentication failure",
}

# RFC 9051, section 7.1 (response codes of RFC 5530)
_IMAP = {
    Reason.BAD_CREDENTIALS: "NO [AUTHENTICATIONFAILED] Authentication failed",
    Reason.NOT_AUTHORIZED: "NO [AUTHORIZATIONFAILED] Not authorized",
    Reason.MALFORMED: "BAD Malformed authentication response",
    Reason.UNEXPECTED_INITIAL: "BAD This mechanism takes no initial response",
    Reason.ABORTED: "BAD Authentication aborted",
    Reason.UNSUPPORTED: "NO [CANNOT] Unsupported authentication mechanism",
    Reason.TOO_WEAK: "NO [AUTHENTICATIONFAILED] Authentication mechanism is too weak",
    Reason.ENCRYPTION_NEEDED: "NO [PRIVACYREQUIRED] Encryption required",
    Reason.PASSWORD_EXPIRED: "NO [EXPIRED] Password expired",
    Reason.TRANSITION_NEEDED: "NO [CONTACTADMIN] A password transition is needed",
    Reason.DISABLED: "NO [CONTACTADMIN] Account disabled",
    Reason.TOO_LONG: "BAD Authentication response is too long",
    Reason.UNAVAILABLE: "NO [UNAVAILABLE] Temporary authentication failure",
}

# RFC 5034, section 4; response codes of RFC 3206
_POP3 = {
    Reason.BAD_CREDENTIALS: "-ERR [AUTH] Authentication failed",
    Reason.NOT_AUTHORIZED: "-ERR [AUTH] Not authorized",
    Reason.MALFORMED: "-ERR Malformed authentication response",
    Reason.UNEXPECTED_INITIAL: "-ERR This mechanism takes no initial response",
    Reason.ABORTED: "-ERR Authentication cancelled",
    Reason.UNSUPPORTED: "-ERR Unsupported authentication mechanism",
    Reason.TOO_WEAK: "-ERR Authentication mechanism is too weak",
    Reason.ENCRYPTION_NEEDED: "-ERR Encryption required",
    Reason.PASSWORD_EXPIRED: "-ERR [AUTH] Password expired",
    Reason.TRANSITION_NEEDED: "-ERR [AUTH] A password transition is needed",
    Reason.DISABLED: "-ERR [SYS/PERM] Account disabled",
    Reason.TOO_LONG: "-ERR Authentication response is too long",
    Reason.UNAVAILABLE: "-ERR [SYS/TEMP] Temporary authentication failure",
}

# RFC 5804, section 1.3
_MANAGESIEVE = {
    Reason.BAD_CREDENTIALS: 'NO "Authentication failed"',
    Reason.NOT_AUTHORIZED: 'NO "Not authorized"',
    Reason.MALFORMED: 'NO "Malformed authentication response"',
    Reason.UNEXPECTED_INITIAL: 'NO "This mechanism takes no initial response"',
    Reason.ABORTED: 'NO "Authentication aborted"',
    Reason.UNSUPPORTED: 'NO "Unsupported authentication mechanism"',
    Reason.TOO_WEAK: 'NO (AUTH-TOO-WEAK) "Authentication mechanism is too weak"',
    Reason.ENCRYPTION_NEEDED: 'NO (ENCRYPT-NEEDED) "Encryption required"',
    Reason.PASSWORD_EXPIRED: 'NO "Password expired"',
    Reason.TRANSITION_NEEDED: 'NO (TRANSITION-NEEDED) "Password transition needed"',
    Reason.DISABLED: 'NO "Account disabled"',
    Reason.TOO_LONG: 'NO "Authentication response is too long"',
    Reason.UNAVAILABLE: 'NO (TRYLATER) "Temporary authentication failure"',
}

# RFC 4643, section 2.4.1
_NNTP = {
    Reason.BAD_CREDENTIALS: "481 Authentication failed",
    Reason.NOT_AUTHORIZED: "481 Not authorized",
    Reason.MALFORMED: "482 SASL protocol error",
    Reason.UNEXPECTED_INITIAL: "482 SASL protocol error",
    Reason.ABORTED: "481 Authentication aborted as requested",
    Reason.UNSUPPORTED: "503 Mechanism not recognized",
    Reason.TOO_WEAK: "483 Stronger authentication required",
    Reason.ENCRYPTION_NEEDED: "483 Encryption required",
    Reason.PASSWORD_EXPIRED: "481 Password expired",
    Reason.TRANSITION_NEEDED: "481 A password transition is needed",
    Reason.DISABLED: "481 Account disabled",
    Reason.TOO_LONG: "482 SASL protocol error",
    Reason.UNAVAILABLE: "403 Temporary authentication failure",
}

# RFC 6120, section 6.5: the defined conditions of <failure/>
_XMPP = {
    Reason.BAD_CREDENTIALS: "not-authorized",
    Reason.NOT_AUTHORIZED: "invalid-authzid",
    Reason.MALFORMED: "malformed-request",
    Reason.UNEXPECTED_INITIAL: "malformed-request",
    Reason.ABORTED: "aborted",
    Reason.UNSUPPORTED: "invalid-mechanism",
    Reason.TOO_WEAK: "mechanism-too-weak",
    Reason.ENCRYPTION_NEEDED: "encryption-required",
    Reason.PASSWORD_EXPIRED: "credentials-expired",
    Reason.TRANSITION_NEEDED: "not-authorized",
    Reason.DISABLED: "account-disabled",
    Reason.TOO_LONG: "malformed-request",
    Reason.UNAVAILABLE: "temporary-auth-failure",
}

# RFC 4511, section 4.1.9; RFC 4513, section 5.2
_LDAP = {
    Reason.BAD_CREDENTIALS: "49 invalidCredentials",
    Reason.NOT_AUTHORIZED: "50 insufficientAccessRights",
    Reason.MALFORMED: "2 protocolError",
    Reason.UNEXPECTED_INITIAL: "2 protocolError",
    Reason.ABORTED: "7 authMethodNotSupported",
    Reason.UNSUPPORTED: "7 authMethodNotSupported",
    Reason.TOO_WEAK: "8 strongerAuthRequired",
    Reason.ENCRYPTION_NEEDED: "13 confidentialityRequired",
    Reason.PASSWORD_EXPIRED: "49 invalidCredentials",
    Reason.TRANSITION_NEEDED: "49 invalidCredentials",
    Reason.DISABLED: "53 unwillingToPerform",
    Reason.TOO_LONG: "2 protocolError",
    Reason.UNAVAILABLE: "52 unavailable",
}

# IRCv3 SASL 3.1, its numerics: 904 is for everything else
_IRC = dict.fromkeys(Reason, "904 SASL authentication failed") | {
    Reason.DISABLED: "902 You must use a nick assigned to you",
    Reason.TOO_LONG: "905 SASL message too long",
    Reason.ABORTED: "906 SASL authentication aborted",
    Reason.UNSUPPORTED: "908 are available SASL mechanisms",
}

# AMQP 1.0, section 5.3.3.6: sasl-code
_AMQP = dict.fromkeys(Reason, "1 auth") | {
    Reason.MALFORMED: "3 sys-perm",
    Reason.UNEXPECTED_INITIAL: "3 sys-perm",
    Reason.TOO_LONG: "3 sys-perm",
    Reason.UNAVAILABLE: "4 sys-temp",
}

# SQLSTATE, PostgreSQL's appendix A
_POSTGRESQL = dict.fromkeys(Reason, "28P01 invalid_password") | {
    Reason.NOT_AUTHORIZED: "28000 invalid_authorization_specification",
    Reason.ENCRYPTION_NEEDED: "28000 invalid_authorization_specification",
    Reason.TOO_WEAK: "28000 invalid_authorization_specification",
    Reason.DISABLED: "28000 invalid_authorization_specification",
    Reason.UNSUPPORTED: "0A000 feature_not_supported",
    Reason.MALFORMED: "08P01 protocol_violation",
    Reason.UNEXPECTED_INITIAL: "08P01 protocol_violation",
    Reason.TOO_LONG: "08P01 protocol_violation",
    Reason.UNAVAILABLE: "57P03 cannot_connect_now",
}

SMTP = Profile(
    "smtp",
    service="smtp",
    command_limit=512,  # RFC 5321, section 4.5.3.1.4
    line_limit=12288,  # RFC 4954, section 4
    success="235 2.7.0 Authentication successful",
    replies=_SMTP,
)
LMTP = Profile(
    "lmtp",
    service="lmtp",
    command_limit=512,
    line_limit=12288,
    success="235 2.7.0 Authentication successful",
    replies=_SMTP,
)
IMAP = Profile(
    "imap",
    service="imap",
    command_limit=8192,  # RFC 7162, section 4
    line_limit=12288,
    success="OK Authenticated",
    replies=_IMAP,
)
POP3 = Profile(
    "pop3",
    service="pop",
    command_limit=255,  # RFC 2449, section 4
    line_limit=12288,
    success="+OK Authenticated",
    replies=_POP3,
)
MANAGESIEVE = Profile(
    "managesieve",
    service="sieve",
    empty_initial=None,
    success_data=True,
    line_limit=12288,
    success="OK",
    replies=_MANAGESIEVE,
)
NNTP = Profile(
    "nntp",
    service="nntp",
    empty=b"=",
    success_data=True,
    command_limit=512,  # RFC 3977, section 3.1
    line_limit=12288,
    success="281 Authentication accepted",
    replies=_NNTP,
)
XMPP = Profile(
    "xmpp",
    service="xmpp",
    abort=None,  # an element of its own
    success_data=True,
    success="success",
    replies=_XMPP,
)
LDAP = Profile(
    "ldap",
    service="ldap",
    base64=False,
    empty_initial=None,
    abort=None,
    success_data=True,
    success="0 success",
    replies=_LDAP,
)
IRC = Profile(
    "irc",
    service="host",
    empty=b"+",
    empty_initial=None,
    initial_response=False,
    line_limit=4608,  # IRCv3 message tags: 4096 octets of them, and a line of 512
    success="903 SASL authentication successful",
    replies=_IRC,
)
AMQP = Profile(
    "amqp",
    service="amqp",
    base64=False,
    empty_initial=None,
    abort=None,
    success_data=True,
    success="0 ok",
    replies=_AMQP,
)
POSTGRESQL = Profile(
    "postgresql",
    service="postgres",
    base64=False,
    empty_initial=None,
    abort=None,
    success_data=True,
    empty_authcid=True,
    success="AuthenticationOk",
    replies=_POSTGRESQL,
)
RAW = Profile(
    "raw",
    base64=False,
    empty_initial=None,
    abort=None,
    success_data=True,
    success="success",
    replies={reason: reason.value for reason in Reason},
)
