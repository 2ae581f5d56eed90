"""Which addresses may be listened on without TLS."""

from __future__ import annotations

import pytest

from rating.errors import UserError
from server.configuration import addresses
from server.grpc import service

ADDRESSES = [
    # text, host, port, loopback
    ("127.0.0.1:50051", "127.0.0.1", 50051, True),
    ("127.8.0.1:0", "127.8.0.1", 0, True),
    ("localhost:1", "localhost", 1, True),
    ("[::1]:50051", "::1", 50051, True),
    ("0.0.0.0:50051", "0.0.0.0", 50051, False),  # noqa: S104 -- what must be refused
    ("[::]:50051", "::", 50051, False),
    ("10.0.0.7:50051", "10.0.0.7", 50051, False),
    ("localhost.example:1", "localhost.example", 1, False),
    ("[::ffff:10.0.0.7]:1", "::ffff:10.0.0.7", 1, False),
]


@pytest.mark.parametrize(("text", "host", "port", "loopback"), ADDRESSES)
def test_addresses(text: str, host: str, port: int, loopback: bool) -> None:  # noqa: FBT001 -- a column of the table
    address = addresses.parse_address(text)
    assert (address.host, address.port, str(address)) == (host, port, text)
    assert addresses.is_loopback(host) is loopback
    if loopback:
        service.check_reach(address, None)
    else:
        with pytest.raises(UserError, match="no TLS"):
            service.check_reach(address, None)


@pytest.mark.parametrize("text", ["", ":", "127.0.0.1", "127.0.0.1:", ":50051", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:x", "h:²"])
def test_texts_that_are_no_address(text: str) -> None:
    with pytest.raises(UserError, match="is not HOST:PORT") as refused:
        addresses.parse_address(text)
    assert refused.value.exit_status == 2
