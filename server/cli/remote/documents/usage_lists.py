"""The usage of a document by a service. What it prints is made of values that load kernels: other commands do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.documents.usage_list import LateLine, LineRecords, Record, UsageList
from ratewright.v1 import invoice_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2_grpc as stubs
from server.cli.remote.calling import LONG_S, PAGE_SIZE, tail
from server.cli.remote.documents.reading import named

if TYPE_CHECKING:
    from server.client import Connection


class UsageLists:
    """Calls of InvoiceService about usage."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.InvoiceServiceStub(service.channel)

    def usage(self, number: str, subscription_id: str | None) -> UsageList:
        """`invoice usage`: the first page, and where that has not all records the stream of all of them."""
        parent, only = named(number), subscription_id or ""
        asked = pb.ListInvoiceUsageRequest(parent=parent, subscription_id=only, page_size=PAGE_SIZE)
        page = self._service.call(self._stub.ListInvoiceUsage, asked, deadline_s=LONG_S)
        records = list(map(_record, page.usage_records))
        if page.next_page_token:
            whole = pb.StreamInvoiceUsageRequest(parent=parent, subscription_id=only)
            pieces = self._service.whole_stream(self._stub.StreamInvoiceUsage, whole, deadline_s=LONG_S)
            records = [record for each in pieces for record in _of_arrow(each.arrow_ipc)]
        return UsageList(
            number=page.number,
            account_id=tail(page.account),
            currency=page.currency_code,
            timezone=page.time_zone,
            lines=tuple(map(_usage_line, page.lines)),
            records=tuple(records),
            late_lines=tuple(map(_late_line, page.late_lines)),
        )


def _record(row: pb.UsageRecord) -> Record:
    return Record(
        line_no=row.line_no,
        subscription_id=row.subscription_id,
        text=row.text,
        start_us=row.start_us,
        number=row.number,
        other=row.other,
        duration_us=row.duration_us if row.HasField("duration_us") else None,
        quantity=row.quantity,
        free_quantity=row.free_quantity,
        quantity_unit=row.quantity_unit,
        charge_micros=row.charge_micros,
        source=row.source,
        record_id=row.record_id,
    )


def _of_arrow(content: bytes) -> list[Record]:
    import pyarrow as pa

    with pa.ipc.open_stream(content) as reader:
        table = reader.read_all()
    started = table.column_names.index("start_us")
    rows: list[dict[str, Any]] = table.set_column(started, "start_us", table["start_us"].cast(pa.int64())).to_pylist()
    return [Record(**each) for each in rows]


def _usage_line(row: pb.UsageLine) -> LineRecords:
    return LineRecords(
        line_no=row.line_no,
        text=row.text,
        records=row.records,
        charge_micros=row.charge_micros,
        exact_micros=row.exact_micros,
        amount_micros=row.amount_micros,
        due_elsewhere=row.due_elsewhere,
        unit=row.unit,
    )


def _late_line(row: pb.LateUsageLine) -> LateLine:
    return LateLine(row.line_no, row.text, row.decision_id, row.records, row.amount_micros)
