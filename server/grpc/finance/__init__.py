"""Services of finance: payments, charges and credits by hand, the ledger and controls. Each RPC converts, and calls an act of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ratewright.v1 import adjustment_service_pb2_grpc, control_service_pb2_grpc, ledger_service_pb2_grpc, payment_service_pb2_grpc
from server.grpc.finance.adjustment_service import AdjustmentService
from server.grpc.finance.control_service import ControlService
from server.grpc.finance.ledger_service import LedgerService
from server.grpc.finance.payment_service import PaymentService

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from billing.store.home import Home

SERVICES: Final = ("Payment", "Ledger", "Control", "Adjustment")


def add_to(server: grpc.Server, home: Home, clock_us: Callable[[], int]) -> None:
    """Let a server answer for all of them."""
    key = home.page_token_key()
    payment_service_pb2_grpc.add_PaymentServiceServicer_to_server(PaymentService(home, clock_us, key), server)
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(LedgerService(home, clock_us, key), server)
    adjustment_service_pb2_grpc.add_AdjustmentServiceServicer_to_server(AdjustmentService(home, clock_us, key), server)
    control_service_pb2_grpc.add_ControlServiceServicer_to_server(ControlService(home, clock_us, key), server)
