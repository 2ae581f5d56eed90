"""Channels whose calls show a token."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import grpc

from billing.persons import Who
from billing.store.home import Home
from server import clock, operator
from server.access import local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _WithToken(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, *metadata: tuple[str, str]) -> None:
        self._metadata = metadata

    def _call(self, continuation: Any, details: Any, request: Any) -> Any:  # noqa: ANN401 -- as grpc has them
        return continuation(details._replace(metadata=[*(details.metadata or ()), *self._metadata]), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_unary = intercept_stream_stream = _call


def with_token(channel: grpc.Channel, token: str, *metadata: tuple[str, str]) -> grpc.Channel:
    """A channel whose calls show a token, and other metadata."""
    return grpc.intercept_channel(channel, _WithToken(("authorization", f"Bearer {token}"), *metadata))


def local_token(home: Path) -> str:
    """The token of the account that serves a home, as `serve` makes it on loopback."""
    return (home / "keys" / "local-token").read_text().strip()


def make_local_token(home: Path) -> str:
    """The same for a service with TLS, before it is started."""
    with Home.open(home, create=True) as opened:
        now_us = clock.now_us(opened)
        who = operator.current()
        return local.provide(opened, Who(who.name, who.uid, now_us)).read_text().strip()


@contextlib.contextmanager
def local_channel(address: str, home: Path) -> Iterator[grpc.Channel]:
    """A channel to a service on loopback, with the token of the account that serves."""
    with grpc.insecure_channel(address) as channel:
        yield with_token(channel, local_token(home))
