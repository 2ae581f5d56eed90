"""Acts on invoices as messages: what the commands of `invoice` print with --json, field by field; usage as pages and as Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa

from billing.invoicing import listing
from ratewright.v1 import account_statement_pb2, invoice_correction_pb2, invoice_explanation_pb2
from ratewright.v1 import invoice_service_pb2 as pb
from rating.errors import NotFoundError, quoted
from server.actions import invoices
from server.grpc import convert, entrance, invoice_messages
from server.grpc.bill_runs import messages as bill_messages
from server.grpc.finance import control_messages
from server.grpc.finance.values import date_message
from server.grpc.refusals import not_found
from server.operations import work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.accounting.ageing import Aged
    from billing.documents.crediting import CreditNote
    from billing.documents.explaining import Explained
    from billing.documents.following import Reissued
    from billing.documents.usage_list import LateLine, LineRecords, Record
    from billing.documents.voiding import Void
    from billing.invoicing.rerated import Rerated
    from billing.payments.statement import Statement
    from billing.runs.cycle import Preview
    from billing.store.home import Home
    from server.actions.invoices import Events

BATCH_ROWS: Final = 65_536
PREVIEW: Final = "preview"
_FIELDS: Final[list[pa.Field[Any]]] = [
    pa.field("line_no", pa.int64()),
    pa.field("subscription_id", pa.string()),
    pa.field("text", pa.string()),
    pa.field("start_us", pa.timestamp("us", "UTC")),
    pa.field("number", pa.string()),
    pa.field("other", pa.string()),
    pa.field("duration_us", pa.int64()),
    pa.field("quantity", pa.int64()),
    pa.field("free_quantity", pa.int64()),
    pa.field("quantity_unit", pa.int32()),
    pa.field("charge_micros", pa.int64()),
    pa.field("source", pa.string()),
    pa.field("record_id", pa.string()),
]
_SCHEMA: Final = pa.schema(_FIELDS)


def number_of(home: Home, name: str) -> str:
    """The number in the name of a document. Refuses INVOICE_UNKNOWN where it is not one of the account in that name, or of any."""
    account_id, number = convert.parse_invoice_name(name)
    if account_id == convert.ALL_ACCOUNTS:
        number = invoices.whole_number(home, number)
    owner = listing.owner(home, number)
    if owner is not None and account_id in {owner.account_id, convert.ALL_ACCOUNTS}:
        entrance.about_known_account(owner.account_key, owner.legal_entity, f", document {number}")
        return number
    if account_id == convert.ALL_ACCOUNTS:
        entrance.about_account(home, account_id)  # a role of one legal entity learns no numbers of others
        error = NotFoundError(f"no invoice has the number {number}", "`ratewright invoice list` shows all numbers")
        raise not_found("INVOICE_UNKNOWN", error.message, {"name": name, "remedy": error.remedy})
    entrance.about_account(home, account_id, f", document {number}")
    raise not_found("INVOICE_UNKNOWN", f"there is no {quoted(name)}", {"name": name})


def record(row: Record) -> pb.UsageRecord:
    """One record behind a usage line."""
    return pb.UsageRecord(
        line_no=row.line_no,
        subscription_id=row.subscription_id,
        text=row.text,
        start_us=row.start_us,
        number=row.number,
        other=row.other,
        duration_us=row.duration_us,
        quantity=row.quantity,
        free_quantity=row.free_quantity,
        quantity_unit=pb.QuantityUnit.ValueType(row.quantity_unit),
        charge_micros=row.charge_micros,
        source=row.source,
        record_id=row.record_id,
    )


def usage_line(row: LineRecords) -> pb.UsageLine:
    """A usage line with the sums of its records."""
    return pb.UsageLine(
        line_no=row.line_no,
        text=row.text,
        records=row.records,
        charge_micros=row.charge_micros,
        exact_micros=row.exact_micros,
        amount_micros=row.amount_micros,
        due_elsewhere=row.due_elsewhere,
        unit=row.unit,
    )


def late_line(row: LateLine) -> pb.LateUsageLine:
    """A line that bills late usage by decision."""
    return pb.LateUsageLine(
        line_no=row.line_no, text=row.text, decision_id=row.decision_id, records=row.records, amount_micros=row.amount_micros
    )


def in_batches(records: Sequence[Record], rows: int = BATCH_ROWS) -> Iterator[bytes]:
    """Records as Arrow IPC streams of at most `rows` rows each; one without rows where there are none."""
    for first in range(0, max(len(records), 1), rows):
        part = records[first : first + rows]
        columns = [pa.array([getattr(each, field.name) for each in part], type=field.type) for field in _SCHEMA]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _SCHEMA) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
        yield sink.getvalue().to_pybytes()


def explanation(found: Explained, events: Events | None, *, practice: bool) -> invoice_explanation_pb2.ExplainInvoiceResponse:
    """An invoice, or a line of it, in words."""
    made = invoice_explanation_pb2.ExplainInvoiceResponse(
        number=found.number,
        document_type=found.document_type,
        run_kind=found.run_kind,
        currency_code=found.currency,
        head=found.head,
        foot=found.foot,
        lines=[
            invoice_explanation_pb2.ExplainedLine(
                line_no=each.line_no,
                kind=each.kind,
                text=each.text,
                amount_micros=each.amount_micros,
                due_micros=each.due_micros,
                before_micros=each.before_micros,
                sentences=each.sentences,
            )
            for each in found.lines
        ],
        practice=practice,
    )
    if events is not None:
        made.events_total, made.exact_micros, made.run_id = events.total, events.exact_micros, events.run_id
        made.rerated.extend(map(rerated, events.rerated))
        made.events.extend(events.texts)
        made.event_json.extend(msgspec.json.encode(each).decode() for each in events.objects)
    return made


def rerated(line: Rerated) -> invoice_explanation_pb2.ReratedLine:
    """A line of a re-rating's document."""
    return invoice_explanation_pb2.ReratedLine(
        rerating_id=line.job_id,
        run_id=line.run_id,
        number=line.number,
        line_no=line.line_no,
        issue_date=convert.date(line.issued_on),
        text=line.text,
        amount=convert.money(line.currency, line.amount_micros),
        same_key=line.same_key,
    )


def voided(done: Void, *, practice: bool) -> invoice_correction_pb2.VoidInvoiceResponse:
    """The amounts that were turned back."""
    return invoice_correction_pb2.VoidInvoiceResponse(
        number=done.number,
        document_type=done.document_type,
        account=f"accounts/{done.account_id}",
        void_date=convert.date(done.on_date),
        net=convert.money(done.currency, done.net_micros),
        tax=convert.money(done.currency, done.tax_micros),
        total=convert.money(done.currency, done.total_micros),
        postings=done.postings,
        freed=[
            invoice_correction_pb2.FreedCredit(credit=credit, amount=convert.money(done.currency, micros))
            for credit, micros in done.freed.items()
        ],
        run_kind=done.run_kind,
        needs_second=done.needs_second,
        proposal=done.proposal,
        tried=done.dry_run,
        practice=practice,
    )


def reissued(done: Reissued, *, practice: bool) -> pb.ReissueInvoiceResponse:
    """A run that billed a void invoice again."""
    return pb.ReissueInvoiceResponse(
        run_id=done.run_id,
        bill_date=convert.date(done.bill_date),
        state=done.state,
        drafts=done.drafts,
        invoices=[invoice_messages.of_list(each, practice=practice) for each in done.made],
        failed_books=[each.name for each in done.failed],
        failed=map(control_messages.book, done.failed),
        alarms=done.alarms,
    )


def previewed(found: Preview, *, practice: bool) -> pb.ReissueInvoiceResponse:
    """The run that would bill it again."""
    sums: dict[str, int] = {}
    for each in found.drafts:
        sums[each.currency] = sums.get(each.currency, 0) + each.net_micros + each.tax_micros
    totals = [convert.money(currency, micros) for currency, micros in sorted(sums.items())]
    refused = "; ".join(filter(None, (found.refused, *found.findings.values())))
    bills = bill_messages.preview(work.previewed(found, whole_max=len(found.drafts)), practice=practice)
    return pb.ReissueInvoiceResponse(state=PREVIEW, drafts=len(found.drafts), refused=refused, totals=totals, preview=bills)


def credited(done: CreditNote, *, practice: bool) -> invoice_correction_pb2.CreditInvoiceResponse:
    """A credit note."""
    return invoice_correction_pb2.CreditInvoiceResponse(
        number=done.number,
        about=done.about,
        account=f"accounts/{done.account_id}",
        issue_date=convert.date(done.issued_on),
        net=convert.money(done.currency, done.net_micros),
        tax=convert.money(done.currency, done.tax_micros),
        total=convert.money(done.currency, done.total_micros),
        already_recorded=done.existed,
        void_date=date_message(done.voided_on),
        needs_second=done.needs_second,
        proposal=done.proposal,
        practice=practice,
    )


def statement(found: Statement, *, practice: bool) -> account_statement_pb2.Statement:
    """The statement of an account."""
    currency = found.currency
    return account_statement_pb2.Statement(
        name=f"accounts/{found.account_id}/statement",
        account=f"accounts/{found.account_id}",
        account_display_name=entrance.mask().name(found.account_name),
        from_date=date_message(found.from_date),
        to_date=date_message(found.to_date),
        opening=convert.money(currency, found.opening_micros),
        entries=[
            account_statement_pb2.StatementEntry(
                date=date_message(each.on_date),
                kind=each.kind,
                document=each.document,
                text=each.text,
                due_date=date_message(each.due_on),
                amount=convert.money(currency, each.amount_micros),
                balance=convert.money(currency, each.balance_micros),
            )
            for each in found.entries
        ],
        closing=convert.money(currency, found.closing_micros),
        deposits_held=convert.money(currency, found.deposits_held_micros),
        open_items=[
            account_statement_pb2.OpenItem(
                number=each.number,
                due_date=date_message(each.due_on),
                part_no=each.part_no,
                open=convert.money(currency, each.open_micros),
            )
            for each in found.open_items
        ],
        practice=practice,
    )


def aged(row: Aged, names: Sequence[str]) -> account_statement_pb2.AgedAccount:
    """Amounts that one account owes in one currency."""
    return account_statement_pb2.AgedAccount(
        account=f"accounts/{row.account_id}",
        legal_entity=row.entity,
        buckets=[
            account_statement_pb2.AgeBucket(days=name, amount=convert.money(row.currency, micros))
            for name, micros in zip(names, row.buckets, strict=True)
        ],
        credit=convert.money(row.currency, row.credit_micros),
        total=convert.money(row.currency, row.total_micros),
    )
