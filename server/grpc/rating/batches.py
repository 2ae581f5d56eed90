"""RateBatch: usage as Arrow in, charges as Arrow out."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

import grpc
import pyarrow as pa

from billing import catalogue as store
from ratewright.v1 import rating_service_pb2 as pb
from rating.errors import quoted
from server.actions import rate_batch
from server.grpc import convert
from server.grpc.finance import values
from server.grpc.refusals import Refusal, invalid, not_found
from server.grpc.tariffs import names
from server.grpc.usage import arrow_batches

if TYPE_CHECKING:
    from billing.store.home import Home
    from rating.model import Catalogue

TOO_LARGE: Final = "BATCH_TOO_LARGE"


class _Known(NamedTuple):
    """A version that is ready: a published one never changes."""

    name: str
    effective_on: dt.date | None
    rating: rate_batch.BatchRating


class Batches:
    """Prices batches by published versions of a home. The version that was asked for last is kept ready."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()  # tables of a large catalogue are made by one call at a time
        self._known: _Known | None = None

    def rate(self, request: pb.RateBatchRequest) -> pb.RateBatchResponse:
        """The charges of a batch."""
        values.require_texts(request)
        usage = _usage(request.arrow_ipc)
        rating = self._rating(request.tariff_version, values.day_or_none(request, "effective_date"))
        if not rating.has_plan(request.plan):
            raise not_found("UNKNOWN_PLAN", f"{request.tariff_version} has no plan {quoted(request.plan)}", {"plan": request.plan})
        try:
            priced = rating.rate(usage, request.plan)
        except rate_batch.RowError as error:
            raise invalid("ROW_MALFORMED", error.message, {"row": str(error.row), "remedy": error.remedy}) from error
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, priced.charges.schema) as writer:
            writer.write_batch(priced.charges)
        return pb.RateBatchResponse(
            arrow_ipc=sink.getvalue().to_pybytes(),
            status_counts=priced.status_counts,
            total=convert.money(rating.catalogue.currency, priced.total_micros),
            catalogue_hash=rating.catalogue.content_hash,
        )

    def _rating(self, name: str, effective_on: dt.date | None) -> rate_batch.BatchRating:
        with self._lock:
            if self._known is None or self._known[:2] != (name, effective_on):
                self._known = _Known(name, effective_on, rate_batch.BatchRating(self._published(name), effective_on))
            return self._known.rating

    def _published(self, name: str) -> Catalogue:
        wanted = names.parse_version(name)
        found = next((each for each in store.published(self._home) if (each.identity, each.version) == wanted), None)
        if found is None:
            raise not_found("TARIFF_VERSION_UNKNOWN", f"there is no {name} that is published", {"name": name})
        return found


def _usage(arrow_ipc: bytes) -> pa.RecordBatch:
    """The rows of a request. Refuses what is too large as a client expects it of a bound that others share."""
    try:
        return arrow_batches.read_checked(arrow_ipc, _check_schema)
    except Refusal as refusal:
        if refusal.reason != TOO_LARGE:
            raise
        raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, TOO_LARGE, refusal.message, refusal.metadata) from None


def _check_schema(given: pa.Schema) -> None:
    wrong = rate_batch.check_schema(given)
    if wrong is not None:
        column, what = wrong
        raise arrow_batches.schema_refusal(f"column {quoted(column)} {what}", column)
