"""The servers of the benchmark of the service, each a process of its own: `python -m benchmarks.service.serving KIND FOLDER`.

`bare` answers each message of a stream with a small one and throws it away: what gRPC itself costs. `open` is the service without identity,
audit trail and limits of operators, `guarded` the service as `ratewright serve` starts it. Each prints the port, and ends with its input.
"""

from __future__ import annotations

import sys
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc

from billing.store.home import Home
from server import clock
from server.access.identity import Identities
from server.access.trail import Trail
from server.grpc import service
from server.grpc.admission import Bound, Limits
from server.grpc.entrance import Access

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD: Final = "/bare/Stream"
UNARY: Final = "/bare/Nothing"
ADDRESS: Final = service.Address("127.0.0.1", 0)
MESSAGE_BYTES_MAX: Final = 64 * 2**20
STREAMS: Final = Bound(256, 256)  # the benchmark opens 200 from one address


class _Bare(grpc.GenericRpcHandler):
    """Answers a stream message by message, and a call with nothing."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 -- a handler
        if handler_call_details.method == METHOD:
            return grpc.stream_stream_rpc_method_handler(_answers)
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")


def _answers(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
    for _ in requests:
        yield b"ack"


def main(kind: str, folder: Path) -> None:
    """Serve until the input ends."""
    if kind == "bare":
        server = grpc.server(futures.ThreadPoolExecutor(8), options=(("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),))
        server.add_generic_rpc_handlers((_Bare(),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        _wait(port)
        server.stop(None).wait()
        return
    with Home.open(folder) as home:
        access, trail = None, None
        if kind == "guarded":
            trail = Trail(home.path, clock.now_us(home))
            access = Access(Identities(home, lambda: clock.now_us(home)), trail, lambda: clock.now_us(home))
        listening = service.listen(ADDRESS, limits=Limits(streams=STREAMS, waiting=STREAMS))
        with service.Service.start(listening, home, lambda: clock.now_us(home), access=access) as running:
            _wait(running.address.port)
        if trail is not None:
            trail.close()


def _wait(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
