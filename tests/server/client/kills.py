"""Helpers of kills at random: batches that say when they are read, a sender that is a process, a connection that can be cut."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import msgspec

from server.client import Connection, Progress, Retries, Switch
from tests.server.grpc.calls import ipc, records

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 5  # of a batch
SECOND_US = 1_000_000
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST, as a cable that is pulled looks to nobody at once


def batch(offset: int) -> bytes:
    """The batch at an offset: its records are its own, and last a second longer than those of the batch before."""
    return ipc(records(range(offset * ROWS, offset * ROWS + ROWS), duration_us=(offset + 1) * SECOND_US))


class Watched(Sequence[bytes]):
    """Batches `first` to `first + count`; `read` is called with the offset of each one that the client takes to send it."""

    def __init__(self, first: int, count: int, read: Callable[[int], None]) -> None:
        self._first, self._count, self._read = first, count, read

    def __len__(self) -> int:
        """The number of batches."""
        return self._count

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | Sequence[bytes]:
        """One batch; it is made anew each time, and always the same."""
        assert isinstance(place, int)
        self._read(self._first + place)
        return batch(self._first + place)


class Cable:
    """A way to the service through this process that can be cut: every connection over it ends at once, with a reset."""

    def __init__(self, port: int) -> None:
        self._port, self._pairs, self._lock = port, set[socket.socket](), threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """End what is connected; how many sockets that were."""
        with self._lock:
            ended, self._pairs = self._pairs, set()
        for each in ended:
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        return len(ended)

    def close(self) -> None:
        """Take no further connection."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                with self._lock:
                    self._pairs |= {near, far}
                threading.Thread(target=_relay, args=(near, far), daemon=True).start()


def _relay(near: socket.socket, far: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError), selectors.DefaultSelector() as ready:
        ready.register(near, selectors.EVENT_READ, far)
        ready.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in ready.select(1):
                data = key.fileobj.recv(65_536)  # type: ignore[union-attr] # sockets were registered
                if not data:
                    return
                key.data.sendall(data)


def send(address: str, token_file: str, stream_id: str, first: int, count: int) -> None:
    """Send batches as a process of its own; each one that is read or acked is a line of the output, before it goes on."""

    def tell(word: str, offset: int) -> None:
        sys.stdout.buffer.write(msgspec.json.encode([word, offset]) + b"\n")
        sys.stdout.buffer.flush()

    def acked(progress: Progress) -> None:
        tell("acked", progress.next_offset)

    with Connection(address, token_file=Path(token_file), retries=Retries(attempts_max=20)) as connection:
        Switch(connection).send(Watched(first, count, lambda offset: tell("read", offset)), stream_id, first_offset=first, progress=acked)


if __name__ == "__main__":
    send(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
