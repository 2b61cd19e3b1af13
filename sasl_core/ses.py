"""The SMTP password of Amazon SES, which is no password of its own: it is derived from
an IAM secret access key (Amazon SES Developer Guide, "Obtaining Amazon SES SMTP
credentials").
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64

__all__ = ["smtp_password"]

_MESSAGE = "SendRawEmail"


def smtp_password(
    secret_access_key: str, region: str | None, *, version: int = 4
) -> str:
    """Derive the SMTP password of an IAM user: 44 characters of base64, by five HMACs.

    The user name is the id of the same access key; that of a temporary session cannot
    log in. A password is good in one `region` (`eu-central-1`) only. `version=2` gives
    the form of before 2019, for every region: `region` is None. Raise ValueError for
    what is no key, region or version. Whoever has the password cannot get the key back.
    """
    if not isinstance(secret_access_key, str):
        raise TypeError("a secret access key is given as str")
    if not isinstance(region, str | None):
        raise TypeError("a region is given as str")
    if not secret_access_key:
        raise ValueError("the secret access key is empty")
    # Most often the end of a line, which would make another, wrong password.
    if not set(map(chr, range(0x21, 0x7F))).issuperset(secret_access_key):
        raise ValueError("the secret access key has white space or is not ASCII")
    if version not in (2, 4):
        raise ValueError("there are the versions 2 and 4")
    if version == 4 and (region is None or not _is_region(region)):
        raise ValueError("not a region of AWS, as eu-central-1 is one")
    if version == 2 and region is not None:
        raise ValueError("version 2 is the same in every region")
    octets, words = secret_access_key.encode(), [_MESSAGE]
    if region is not None:
        # The signing key of AWS Signature Version 4, for a day that never comes.
        octets = b"AWS4" + octets
        words = ["11111111", region, "ses", "aws4_request", _MESSAGE]
    for word in words:
        octets = hmac.digest(octets, word.encode(), "sha256")
    octets = (b"\2" if region is None else b"\4") + octets
    return b2a_base64(octets, newline=False).decode()


def _is_region(text: str) -> bool:
    """Tell whether this could be a region: eu-central-1, us-gov-west-1.

    There is no list of them here, for there are new ones each year.
    """
    words = text.split("-")
    return (
        text.isascii()
        and text.islower()
        and len(words) > 2
        and all(map(str.isalnum, words))
        and words[-1].isdecimal()
    )
