r"""The lines of an audit: each function writes one event as one line, whatever is in it.

Outside JSON, which has its own, a character that a terminal, a log or a SIEM could take
for anything but text (controls, separators of lines, overrides of direction, halves of
surrogate pairs) becomes `\uhhhh`, its UTF-16 in hexadecimal; so does a backslash that
would look like one of these, and a space at either end. So every text can be read back.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .audit import AuditEvent

_LOOKS_ESCAPED = re.compile(r"\\(?=u[0-9A-Fa-f]{4})")

# Of ten, for both: CEF counts from 0, LEEF from 1.
_SEVERITIES = {
    "success": 1,
    "aborted": 3,
    "failure": 5,
    "unavailable": 7,
    "throttled": 8,
}


def json_line(event: AuditEvent) -> str:
    """Write a JSON object (RFC 8259) in ASCII: every field, in alphabetical order.

    `time` is RFC 3339's in UTC, `epoch` the same in seconds; `reason` is the name of the
    `Reason`.
    """
    return _json(_fields(event))


def splunk_hec(
    event: AuditEvent,
    *,
    host: str,
    source: str,
    sourcetype: str,
    index: str | None = None,
) -> str:
    """Write what Splunk's HTTP Event Collector takes at /services/collector/event.

    ("Format events for HTTP Event Collector", Splunk Enterprise: Getting Data In.) The
    event is the object of `json_line`; `index` None leaves the choice to the token.
    """
    envelope = {
        "time": round(event.time, 3),
        "host": host,
        "source": source,
        "sourcetype": sourcetype,
        "event": _fields(event),
    }
    return _json(envelope if index is None else envelope | {"index": index})


def cef(event: AuditEvent, *, vendor: str, product: str, version: str) -> str:
    r"""Write ArcSight's Common Event Format, CEF:0, without a syslog header.

    ("Implementing ArcSight Common Event Format", version 23.) Line breaks in a value
    are its `\n` and `\r`. `src` holds IPv4 addresses only, so IPv6 ones are in `c6a2`;
    any other remote is in `shost`. `suser` is the claim, `duser` whom he acts as.
    """
    outcome = event.outcome
    severity = str(_SEVERITIES[outcome])
    kind, name = f"login-{outcome}", f"Login: {outcome}"
    header = (vendor, product, version, kind, name, severity)
    pairs = {
        "rt": str(round(event.time * 1000)),
        "externalId": event.id,
        "cat": "authentication",
        "outcome": outcome,
        "reason": _reason(event),
        "app": event.service,
        "suser": event.username,
        "duser": event.authzid,
        "dhost": event.host,
        "dpt": _number(event.port),
        "msg": event.detail,
        "cs1": event.mechanism,
        "cs2": event.authcid,
        "cs3": _flag(event.encrypted),
        "cs4": _flag(event.bound),
        "cn1": "" if event.duration is None else str(round(event.duration * 1000)),
    }
    labels = {
        "cs1": "mechanism",
        "cs2": "authcid",
        "cs3": "encrypted",
        "cs4": "bound",
        "cn1": "duration in ms",
    }
    remote = event.remote or ""
    match _address(remote):
        case None:
            pairs["shost"] = remote
        case IPv4Address():
            pairs["src"] = remote
        case _:
            pairs["c6a2"] = remote
            labels["c6a2"] = "Source IPv6 Address"
    pairs |= {f"{key}Label": label for key, label in labels.items() if pairs[key]}
    fields = "|".join(_cef_header(text) for text in header)
    return f"CEF:0|{fields}|" + " ".join(_pairs(pairs, _cef_value))


def leef(event: AuditEvent, *, vendor: str, product: str, version: str) -> str:
    r"""Write QRadar's Log Event Extended Format, LEEF:2.0, without a syslog header.

    ("IBM QRadar Log Event Extended Format (LEEF)", version 2.) The attributes are
    separated by tabs. The header has no escapes, so a "|" in it is written `\u007c`.
    A remote that is no IP address is in `srcHost`, which like all that QRadar has no
    key for (service, mechanism, ...) is a custom attribute.
    """
    address = _address(event.remote or "") is not None
    moment = datetime.fromtimestamp(event.time, UTC)
    pairs = {
        "devTime": moment.isoformat(timespec="milliseconds")[:-6] + "+0000",
        "devTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        "cat": "authentication",
        "sev": str(_SEVERITIES[event.outcome]),
        "usrName": event.username,
        "src" if address else "srcHost": event.remote or "",
        "dstHost": event.host,
        "dstPort": _number(event.port),
        # With it QRadar ties the user to the address: not on a mere claim.
        "isLoginEvent": "true" if event.outcome == "success" else "",
        "id": event.id,
        "outcome": event.outcome,
        "reason": _reason(event),
        "detail": event.detail,
        "service": event.service,
        "mechanism": event.mechanism,
        "authcid": event.authcid,
        "authzid": event.authzid,
        "encrypted": _flag(event.encrypted),
        "bound": _flag(event.bound),
        "duration": _number(event.duration),
    }
    header = (vendor, product, version, f"login-{event.outcome}", "x09")
    fields = "|".join(neutral(text).replace("|", "\\u007c") for text in header)
    return f"LEEF:2.0|{fields}|" + "\t".join(_pairs(pairs, neutral))


def neutral(text: str, keep: str = "") -> str:
    """Escape what is no plain text, as the module says; leave what is in `keep`."""
    text = _LOOKS_ESCAPED.sub(r"\\u005c", text)
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() or char in keep else _escaped(char)
            for char in text
        )
    if text.startswith(" "):
        text = _escaped(" ") + text[1:]
    if text.endswith(" "):
        text = text[:-1] + _escaped(" ")
    return text


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _fields(event: AuditEvent) -> dict[str, object]:
    names = event.__match_args__
    fields: dict[str, object] = {name: getattr(event, name) for name in names}
    moment = datetime.fromtimestamp(event.time, UTC).isoformat(timespec="microseconds")
    fields["time"] = moment[:-6] + "Z"
    fields["epoch"] = event.time
    fields["reason"] = _reason(event) or None
    return fields


def _json(value: dict[str, object]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    # DEL is the one control character that is ASCII, and none to the json module.
    return text.replace("\x7f", "\\u007f")


def _cef_header(text: str) -> str:
    return neutral(text).replace("\\", "\\\\").replace("|", "\\|")


def _cef_value(text: str) -> str:
    text = neutral(text, "\r\n").replace("\\", "\\\\").replace("=", "\\=")
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _pairs(pairs: dict[str, str], escape: Callable[[str], str]) -> Iterable[str]:
    return (f"{key}={escape(value)}" for key, value in pairs.items() if value)


def _reason(event: AuditEvent) -> str:
    return event.reason.name if event.reason is not None else ""


def _number(value: float | None) -> str:
    return "" if value is None else str(value)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _address(remote: str) -> object | None:
    """Return the IP address that this is; None for a name, or one with a scope."""
    try:
        return None if "%" in remote else ip_address(remote)
    except ValueError:
        return None
