"""Completion of calls by switch and route: attempts, answer ratio, mean duration, and causes of their end.

An attempt is a voice record that stands for a call: answered or not, but no absorbed leg and no segment of a longer call (that one is
counted once, put together). A route is the outgoing trunk without what the switch adds for each call. A cause is a number of
ITU-T Q.850, above 127 one of the switch's own; a cause of 0 is not known.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.intake import view
from rating.model import PPM, Service
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.usage_report.span import Span

_COLUMNS: Final = ("source", "service", "flags", "duration_us", "cause", "trunk_out")
_NO_CALL: Final = int(UsageFlag.ABSORBED | UsageFlag.PARTIAL)
_CALL_MARK: Final = r"-[0-9A-Fa-f]{8,}(;[0-9])?$"  # Asterisk numbers its channels
_SOFIA: Final = r"^(sofia/(?:gateway/)?[^/]+)/.*$"  # FreeSWITCH puts the party behind profile or gateway


class RouteQuality(msgspec.Struct, frozen=True):
    """Figures of one switch and route. `causes`: cause -> calls that were not answered."""

    source: str
    route: str  # empty: the records name none
    attempts: int
    answered: int
    answer_ratio_ppm: int
    duration_us: int
    mean_duration_us: int  # of answered calls
    causes: dict[int, int]


def route_quality(home: Home, seq: int, span: Span, source: str | None = None) -> list[RouteQuality]:
    """A row a switch and route of calls that start within `span`, in their order by name."""
    table = view.usage(home, _COLUMNS, seq, span.from_us, span.to_us, every=True)
    return _grouped(_calls(table, source))


def _calls(table: pa.Table, source: str | None) -> pa.Table:
    """Voice records that stand for a call, with their route."""
    flags = table.column("flags").to_numpy()
    wanted = (table.column("service").to_numpy() == int(Service.VOICE)) & ((flags & _NO_CALL) == 0)
    calls = table.filter(pa.array(wanted))
    calls = calls.set_column(0, "source", calls.column("source").cast(pa.string()))
    if source is not None:
        calls = calls.filter(pc.equal(calls.column("source"), pa.scalar(source)))
    return calls.set_column(calls.schema.get_field_index("trunk_out"), "route", _routes(calls.column("trunk_out")))


def _routes(trunks: Any) -> Any:  # noqa: ANN401 -- pyarrow's stubs do not type text
    """Names of trunks without the mark of the call."""
    filled = pc.fill_null(trunks.cast(pa.string()), "")
    return pc.replace_substring_regex(pc.replace_substring_regex(filled, _CALL_MARK, ""), _SOFIA, r"\1")


def _grouped(calls: pa.Table) -> list[RouteQuality]:
    answered = (calls.column("flags").to_numpy() & int(UsageFlag.UNANSWERED)) == 0
    duration: Any = calls.column("duration_us")
    duration_us = np.where(answered, duration.fill_null(0).to_numpy(), 0)
    columns = {
        "source": calls.column("source"),
        "route": calls.column("route"),
        "cause": np.where(answered, -1, calls.column("cause").to_numpy()),
        "answered": answered.astype(np.int64),
        "duration_us": duration_us,
    }
    sums = pa.table(columns).group_by(["source", "route", "cause"], use_threads=False)
    rows = sums.aggregate([("answered", "sum"), ("answered", "count"), ("duration_us", "sum")]).to_pylist()
    routes: dict[tuple[str, str], list[dict[str, Any]]] = collections.defaultdict(list)
    for row in rows:
        routes[row["source"], row["route"]].append(row)
    return [_quality(*name, routes[name]) for name in sorted(routes)]


def _quality(source: str, route: str, rows: list[dict[str, Any]]) -> RouteQuality:
    attempts, answered, duration_us = (sum(row[name] for row in rows) for name in ("answered_count", "answered_sum", "duration_us_sum"))
    return RouteQuality(
        source=source,
        route=route,
        attempts=attempts,
        answered=answered,
        answer_ratio_ppm=answered * PPM // attempts,
        duration_us=duration_us,
        mean_duration_us=duration_us // answered if answered else 0,
        causes={row["cause"]: row["answered_count"] for row in sorted(rows, key=lambda row: row["cause"]) if row["cause"] >= 0},
    )
