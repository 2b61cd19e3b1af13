"""Where audit events go: a sink is a function of one event, that any thread may call.

One that fails raises, as any function does; `Several` is what stands between it and the
login.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from typing import TYPE_CHECKING

from ._audit_formats import json_line, neutral

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .audit import AuditEvent

    Format = Callable[[AuditEvent], str]

_log = logging.getLogger(__name__)
_LEVELS = {
    "success": logging.INFO,
    "failure": logging.WARNING,
    "aborted": logging.INFO,
    "unavailable": logging.ERROR,
    "throttled": logging.WARNING,
}


class Lines:
    """A sink that hands each line, with its line end, to `write` in one call.

    `format` makes the line: `json_line`, or another with its options bound by
    `functools.partial`.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        format: Format = json_line,
    ) -> None:
        self._write = write
        self._format = format
        self._lock = threading.Lock()

    def __call__(self, event: AuditEvent) -> None:
        """Write one line."""
        line = self._format(event) + "\n"
        with self._lock:
            self._write(line)

    def close(self) -> None:
        """Close nothing: `write` is the caller's."""


class LineFile:
    """A sink that appends lines to a file, each in one write, in UTF-8.

    Several processes may append to the same one. Where it was renamed or removed, as
    logrotate does, a new one is made. `mode`: the permissions of a new file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: Format = json_line,
        *,
        mode: int = 0o600,
    ) -> None:
        self._path = os.fspath(path)
        self._format = format
        self._mode = mode
        self._file: int | None = None
        self._torn = False
        self._lock = threading.Lock()

    def __call__(self, event: AuditEvent) -> None:
        """Append one line; raise OSError where that fails, as on a full disk."""
        line = f"{self._format(event)}\n".encode()
        with self._lock:
            file = self._open()
            if self._torn:
                # What a full disk cut short must not swallow the line after it.
                line = b"\n" + line
            written = os.write(file, line)
            if written:
                self._torn = line[written - 1 : written] != b"\n"
            if written < len(line):
                raise OSError(errno.ENOSPC, "a line was cut short")

    def close(self) -> None:
        """Close the file; another event would open it again."""
        with self._lock:
            self._close()

    def _open(self) -> int:
        if self._file is not None and not self._moved(self._file):
            return self._file
        self._close()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(self._path, flags, self._mode)
        return self._file

    def _moved(self, file: int) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(file))
        except FileNotFoundError:
            return True

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._torn = False


class ToLogging:
    """A sink that logs each line, at the level of its outcome.

    `levels`: other levels by outcome (usually: success and aborted INFO, failure and
    throttled WARNING, unavailable ERROR). Each record has the event's fields, too, as
    attributes named `sasl_username`, `sasl_outcome` and so on, for formatters that
    write them: numbers as they are, texts with what is no plain text escaped.
    """

    def __init__(
        self,
        logger: logging.Logger,
        format: Format = json_line,
        *,
        levels: Mapping[str, int] | None = None,
    ) -> None:
        self._logger = logger
        self._format = format
        self._levels = {**_LEVELS, **(levels or {})}

    def __call__(self, event: AuditEvent) -> None:
        """Log one line."""
        level = self._levels[event.outcome]
        if self._logger.isEnabledFor(level):
            # The line is an argument, never the format: there may be a "%" in it.
            extra = _extra(event)
            self._logger.log(level, "%s", self._format(event), extra=extra)

    def close(self) -> None:
        """Close nothing: the logger is the caller's."""


class Several:
    """A sink of sinks, that never raises: what one cannot do, the others still do.

    That a sink fails is logged once, and that it works again. Wrap a single one, too,
    that may fail.
    """

    def __init__(self, *sinks: Callable[[AuditEvent], object]) -> None:
        self._sinks = sinks
        self._failing: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, event: AuditEvent) -> None:
        """Give the event to each."""
        for number, sink in enumerate(self._sinks):
            try:
                sink(event)
            except Exception as error:
                self._failed(number, sink, error)
            else:
                self._worked(number, sink)

    def close(self) -> None:
        """Close each that can be closed."""
        for number, sink in enumerate(self._sinks):
            try:
                getattr(sink, "close", _nothing)()
            except Exception as error:
                self._failed(number, sink, error)

    def _failed(self, number: int, sink: object, error: Exception) -> None:
        with self._lock:
            if number in self._failing:
                return
            self._failing.add(number)
        # The text of an exception may have the event's in it; that of the system's not.
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        _log.error("audit sink %s fails: %s", type(sink).__name__, why)

    def _worked(self, number: int, sink: object) -> None:
        if not self._failing:  # no lock where all is well
            return
        with self._lock:
            if number not in self._failing:
                return
            self._failing.remove(number)
        _log.warning("audit sink %s works again", type(sink).__name__)


def _extra(event: AuditEvent) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name in event.__match_args__:
        value = getattr(event, name)
        fields[f"sasl_{name}"] = neutral(value) if isinstance(value, str) else value
    fields["sasl_reason"] = event.reason.name if event.reason else None
    return fields


def _nothing() -> None:
    pass
