"""Listeners: UNIX sockets that are there as long as somebody answers at them."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    Handle: TypeAlias = Callable[
        [asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]
    ]

_BACKLOG = 128


class Listeners:
    """Listen at UNIX sockets; at most `connections` are open at a time, others wait."""

    def __init__(self, connections: int) -> None:
        self._free = asyncio.Semaphore(connections)
        self._sockets: dict[str, tuple[socket.socket, asyncio.Task[None]]] = {}
        self._handlers: set[asyncio.Task[None]] = set()

    async def listen(
        self, path: str, mode: int, group: str | None, handle: Handle
    ) -> None:
        """Listen there; `handle` a connection, which is closed after that.

        A socket that nobody answers at is replaced. Raise OSError.
        """
        listener = _bound(path, mode, group)
        task = asyncio.create_task(self._accept(listener, handle))
        self._sockets[path] = listener, task

    async def close(self) -> None:
        """Take no more connections, and remove the sockets."""
        for path, (listener, task) in self._sockets.items():
            with suppress(OSError):
                os.unlink(path)
            task.cancel()
            await asyncio.wait([task])
            listener.close()
        self._sockets.clear()

    async def end(self) -> None:
        """End the connections."""
        while self._handlers:
            for handler in self._handlers:
                handler.cancel()
            await asyncio.wait(self._handlers)

    async def _accept(self, listener: socket.socket, handle: Handle) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._free.acquire()
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:
                # No descriptor is free: they come back, and the next one waits so long.
                self._free.release()
                await asyncio.sleep(0.1)
                continue
            except BaseException:
                self._free.release()
                raise
            task = asyncio.create_task(self._serve(connection, handle))
            self._handlers.add(task)
            task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._handlers.discard(task)
        self._free.release()

    async def _serve(self, connection: socket.socket, handle: Handle) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        try:
            await handle(reader, writer)
        except OSError:
            pass  # the other side is gone
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _bound(path: str, mode: int, group: str | None) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_way(path)
        # Not even for a moment for those who may not write to it.
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        if group is not None:
            shutil.chown(path, group=group)
        os.chmod(path, mode)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _make_way(path: str) -> None:
    """Remove a socket that a process has left; raise OSError where one still answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                os.unlink(path)
                return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), path)
