"""Services of finance: payments, the ledger and controls. Each RPC converts, and calls an act of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ratewright.v1 import payment_service_pb2_grpc
from server.grpc.finance.payment_service import PaymentService

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from billing.store.home import Home

SERVICES: Final = ("Payment",)


def add_to(server: grpc.Server, home: Home, clock_us: Callable[[], int]) -> None:
    """Let a server answer for all of them."""
    key = home.page_token_key()
    payment_service_pb2_grpc.add_PaymentServiceServicer_to_server(PaymentService(home, clock_us, key), server)
