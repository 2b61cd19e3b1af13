"""Why a bind was refused, by the result code of its answer."""

from __future__ import annotations

from ..._reasons import Reason

# RFC 4511, appendix A.2; 123 is of RFC 4370. What is not here counts as a no to these
# credentials: to take it for anything milder is how accounts get locked.
_REASONS = {
    2: Reason.MALFORMED,
    7: Reason.UNSUPPORTED,
    8: Reason.TOO_WEAK,
    11: Reason.UNAVAILABLE,
    13: Reason.ENCRYPTION_NEEDED,
    48: Reason.TOO_WEAK,  # so OpenLDAP says it
    50: Reason.NOT_AUTHORIZED,
    51: Reason.UNAVAILABLE,
    52: Reason.UNAVAILABLE,
    53: Reason.DISABLED,
    123: Reason.NOT_AUTHORIZED,
}
# Active Directory says 49 of all, and the number of a Windows error in the text.
_WINDOWS = {
    "532": Reason.PASSWORD_EXPIRED,
    "533": Reason.DISABLED,
    "701": Reason.DISABLED,
    "773": Reason.PASSWORD_EXPIRED,
    "775": Reason.DISABLED,
}


def reason_of(code: int, text: str = "") -> Reason:
    """Return the reason that a result code stands for, in the answer to a bind."""
    if code == 49 and "AcceptSecurityContext error, data " in text:
        data = text.partition("AcceptSecurityContext error, data ")[2].partition(",")[0]
        return _WINDOWS.get(data, Reason.BAD_CREDENTIALS)
    return _REASONS.get(code, Reason.BAD_CREDENTIALS)
