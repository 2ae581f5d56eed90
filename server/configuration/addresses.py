"""Addresses that the service listens on."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import NamedTuple

from rating.errors import UserError, quoted


class Address(NamedTuple):
    """The address to listen on. Port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`HOST:PORT`, IPv6 in brackets; a wrong call when it is neither."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 2**16):
        raise UserError(
            f"address {quoted(text)} is not HOST:PORT", "give one such as 127.0.0.1:50051; port 0 takes a free one", exit_status=2
        )
    return Address(host, int(port))


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`. A name other than localhost may resolve to anything, so it is not."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
