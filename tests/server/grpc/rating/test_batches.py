"""RateBatch: each row as Quote answers it alone, by the kernel, for any columns of usage; and what is refused."""

from __future__ import annotations

import datetime as dt
import decimal
import random
from typing import TYPE_CHECKING, Any

import grpc
import msgspec
import pyarrow as pa
import pytest
from google.protobuf import timestamp_pb2
from google.type import date_pb2

from billing import catalogue
from mediation.stream import STREAM_V1
from ratewright.v1 import rating_service_pb2 as pb
from ratewright.v1 import rating_service_pb2_grpc
from rating.model import Service, UsageRule, Zone
from rating.money import parse_micros
from rating.schema import USAGE_V1
from rating.status import Status
from server.actions import rate_batch
from server.grpc import convert
from tariffs.reading.load import load
from tests.billing.runs.world import Call, instant_us, price_of, shop, usage_table
from tests.server.cli.test_quote import TELLS
from tests.server.grpc.calls import refused
from tests.server.grpc.conftest import NOW_US
from tests.server.grpc.tariffs.conftest import FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ratewright.v1.rating_service_pb2_grpc import RatingServiceStub
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
SHOP, TELLS_1 = "catalogues/shop/versions/1", "catalogues/tells/versions/1"
OCTOBER_US = 1_759_300_000_000_000  # 1 October 2025
MARCH_US = 1_772_449_200_000_000  # 2 March 2026, noon of Berlin
VOICE, SMS, DATA, CONTENT = 1, 2, 4, 5
CLIENT_BYTES_MAX = 4 * 1024 * 1024


@pytest.fixture
def rating(channel: grpc.Channel) -> RatingServiceStub:
    return rating_service_pb2_grpc.RatingServiceStub(channel)


@pytest.fixture
def tells(world: World, tmp_path: Path) -> None:
    """A tariff that asks for everything is published too."""
    (tmp_path / "tells.yaml").write_text(TELLS, encoding="utf-8")
    catalogue.publish(world.home, load(tmp_path / "tells.yaml"), NOW_US)


def ipc(table: pa.Table | pa.RecordBatch, options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()


def usage(rows: Sequence[dict[str, Any]]) -> bytes:
    """Rows with the columns that any of them has."""
    names = [name for name in USAGE_V1.names if any(name in row for row in rows)]
    return ipc(pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=nullable(names)))


def nullable(names: Sequence[str]) -> pa.Schema:
    return pa.schema([pa.field(name, USAGE_V1.field(name).type) for name in names])


def ask(content: bytes, version: str = SHOP, plan: str = "shop/basic", **more: Any) -> pb.RateBatchRequest:  # noqa: ANN401 -- fields of the message
    return pb.RateBatchRequest(tariff_version=version, plan=plan, arrow_ipc=content, **more)


def charges(answer: pb.RateBatchResponse) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pa.ipc.open_stream(answer.arrow_ipc).read_all().to_pylist()
    return found


CALL = {"service": VOICE, "start_us": OCTOBER_US, "other_e164": 8613900000001, "duration_us": 61_000_000}


def test_charges_worked_out_by_hand(rating: RatingServiceStub) -> None:
    """A national call of 61 s is 2 minutes of 0.10, a premium one 2 minutes of 2.005; the plan has no price for the other two."""
    rows = [CALL, CALL | {"other_e164": 8690000001}, CALL | {"other_e164": 4930123456}, CALL | {"duration_us": -1}]
    answer = rating.RateBatch(ask(usage(rows)), timeout=30)
    found = charges(answer)
    assert [(Status(each["status"]).name, each["charge_micros"], each["chargeable_qty"]) for each in found] == [
        ("RATED", dec("0.20"), 120_000),
        ("RATED", dec("4.01"), 120_000),
        ("NO_ZONE", None, 0),
        ("NEGATIVE_QUANTITY", None, 0),
    ]
    assert [(each["price_id"], each["zone_id"], each["gross_micros"], each["free_qty"]) for each in found[:2]] == [
        (100, 1, dec("0.20"), 0),
        (101, 2, dec("4.01"), 0),
    ]
    assert dict(answer.status_counts) == {"RATED": 2, "NO_ZONE": 1, "NEGATIVE_QUANTITY": 1}
    assert (answer.total.currency_code, answer.total.units, answer.total.nanos) == ("CNY", 4, 210_000_000)
    assert len(answer.catalogue_hash) == 32


def dec(text: str) -> decimal.Decimal:
    return decimal.Decimal(parse_micros(text)).scaleb(-6).quantize(decimal.Decimal("0.000001"))


def test_usage_as_a_home_keeps_it(rating: RatingServiceStub) -> None:
    """All columns of Usage v1, with dictionaries: as in a sealed file. Rows are read as a bill run reads them: a message is one."""
    table = usage_table((Call("1001", "2025-10-05T10:00:00", 61), Call("1001", "2025-10-05T11:00:00", 60, 8690000001)))
    assert table.schema.equals(USAGE_V1)
    found = charges(rating.RateBatch(ask(ipc(table)), timeout=30))
    assert [each["charge_micros"] for each in found] == [dec("0.20"), dec("2.005")]


def test_a_period_without_state(rating: RatingServiceStub) -> None:
    """Twenty minutes are free on the plan: here none is, for each row by itself, in any order."""
    rows = [CALL | {"duration_us": minutes * 60_000_000, "start_us": OCTOBER_US + minutes} for minutes in range(1, 40)]
    forth = charges(rating.RateBatch(ask(usage(rows)), timeout=30))
    back = charges(rating.RateBatch(ask(usage(rows[::-1])), timeout=30))
    assert forth == back[::-1]
    assert [each["charge_micros"] for each in forth] == [dec("0.10") * minutes for minutes in range(1, 40)]


SERVICES = {VOICE: ("duration_us", 10**10), SMS: ("units", 5), DATA: ("bytes_up", 10**8), CONTENT: ("units", 5)}


def any_row(draw: random.Random) -> dict[str, Any]:
    service = draw.choice(list(SERVICES))
    name, most = SERVICES[service]
    row: dict[str, Any] = {"service": service, "start_us": MARCH_US + draw.randrange(-(10**13), 10**13), name: draw.randrange(most)}
    optional = {
        "other_e164": [4930123456, 8610123456, 12, 10**15, 10**16, -5],
        "served_id": ["8613800000001", "4915100000001", "reception", ""],
        "direction": [1, 2],
        "serving_plmn": [208_001, 262_001, 0],
        "rating_group": [100, 7],
        "source_amount_micros": [2_500_000, 0],
        "source_currency": ["EUR", "USD"],
    }
    row |= {key: draw.choice(values) for key, values in optional.items() if draw.random() < 0.6}
    if service == DATA and draw.random() < 0.5:
        row["bytes_down"] = draw.randrange(10**8)
    return row


def quoted(row: dict[str, Any]) -> pb.QuoteRequest:
    """The same event as Quote is asked."""
    other, service = row.get("other_e164"), row["service"]
    direction = row.get("direction") or 1
    number = "" if not other else "12345678901234567" if other < 0 else str(other)  # of a number that is none
    served = row.get("served_id") or ""
    origin = (served if served.isdecimal() else "") if direction == 1 else number if other and 0 < other < 10**15 else ""
    seconds, micros = divmod(row["start_us"], 1_000_000)
    made = pb.QuoteRequest(
        plan="tells/all",
        service=pb.Service.ValueType(service),
        start_time=timestamp_pb2.Timestamp(seconds=seconds, nanos=micros * 1_000),
        destination=number,
        origin=origin,
        direction=pb.Direction.ValueType(direction),
        visited_plmn=row.get("serving_plmn") or 0,
        rating_group=row.get("rating_group") or 0,
    )
    if service == VOICE:
        made.duration_us = row["duration_us"]
    elif service == DATA:
        made.volume_bytes = row["bytes_up"] + (row.get("bytes_down") or 0)
    else:
        made.units = row["units"]
    if row.get("source_currency") == "EUR" and row.get("source_amount_micros") is not None:
        made.content_amount_micros = row["source_amount_micros"]
    return made


@pytest.mark.usefixtures("tells")
@pytest.mark.parametrize("seed", range(3))
def test_each_row_is_what_quote_answers(rating: RatingServiceStub, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernel over the batch against kernel and twin over each event, for a tariff that asks for everything; in parts of 7 rows too."""
    draw = random.Random(seed)
    rows = [any_row(draw) for _ in range(60)]
    answer = rating.RateBatch(ask(usage(rows), TELLS_1, "tells/all"), timeout=30)
    found = charges(answer)
    statuses = set()
    for row, charge in zip(rows, found, strict=True):
        status = Status(charge["status"]).name
        statuses.add(status)
        if charge["charge_micros"] is None:
            assert refused(lambda: rating.Quote(quoted(row), timeout=30)).reason == status, row  # noqa: B023 -- called at once
            continue
        alone = rating.Quote(quoted(row), timeout=30)
        assert (status, micros(charge["charge_micros"]), micros(charge["gross_micros"])) == (
            alone.status, alone.charge_micros, alone.gross_micros,
        ), row  # fmt: skip
        assert [charge[name] for name in ("chargeable_qty", "free_qty", "price_id", "zone_id")] == [
            getattr(alone, name) for name in ("chargeable_qty", "free_qty", "price_id", "zone_id")
        ], row
    assert statuses >= {"RATED", "INVALID_NUMBER", "NO_VERSION"}, "rows of many kinds were drawn"
    monkeypatch.setattr(rate_batch, "BUCKETS_MAX", 14)  # the plan remembers two things: a cap, and how far tiers have come
    assert rating.RateBatch(ask(usage(rows), TELLS_1, "tells/all"), timeout=30) == answer


def micros(amount: decimal.Decimal) -> int:
    return int(amount.scaleb(6))


@pytest.mark.usefixtures("tells")
def test_a_version_that_is_taken_to_price_earlier(rating: RatingServiceStub) -> None:
    """tells@1 begins in 2026. Taken to begin on 1 October 2025 it prices a call of 2 October, and none of 30 September in Berlin."""
    rows = [CALL | {"start_us": OCTOBER_US + each * 86_400_000_000, "other_e164": 4930123456} for each in (-1, 1)]
    own = charges(rating.RateBatch(ask(usage(rows), TELLS_1, "tells/all"), timeout=30))
    day = convert.date(dt.date(2025, 10, 1))
    moved = charges(rating.RateBatch(ask(usage(rows), TELLS_1, "tells/all", effective_date=day), timeout=30))
    assert [Status(each["status"]).name for each in own] == ["NO_VERSION", "NO_VERSION"]
    assert [(Status(each["status"]).name, each["charge_micros"]) for each in moved] == [("NO_VERSION", None), ("RATED", dec("0.20"))]
    again = charges(rating.RateBatch(ask(usage(rows), TELLS_1, "tells/all"), timeout=30))
    assert again == own, "the next call asks for its own time again"


def test_a_version_that_ends(rating: RatingServiceStub, world: World) -> None:
    """shop@2 prices from 1 to 10 November, and nothing follows it; taken to price from 1 October on it has no end."""
    ends = shop(2, instant_us("2025-11-01"), effective_to_us=instant_us("2025-11-10"))
    catalogue.publish(world.home, ends, world.tick())
    rows = [CALL | {"start_us": instant_us(f"2025-{day}T12:00:00")} for day in ("10-31", "11-05", "11-12")]
    own = rating.RateBatch(ask(usage(rows), "catalogues/shop/versions/2"), timeout=30)
    assert [Status(each["status"]).name for each in charges(own)] == ["NO_VERSION", "RATED", "NO_VERSION"]
    day = convert.date(dt.date(2025, 10, 1))
    moved = rating.RateBatch(ask(usage(rows), "catalogues/shop/versions/2", effective_date=day), timeout=30)
    assert dict(moved.status_counts) == {"RATED": 3}


def test_short_codes_are_known_by_the_plan(rating: RatingServiceStub, world: World) -> None:
    """110 has a price of 0.50 a minute on the plan. 853, an extension, is no number: there is no price for it, as for none."""
    base = shop(2, instant_us("2025-11-01"))
    rule = UsageRule(Service.VOICE, "help", "Help")
    plan = msgspec.structs.replace(base.plans[0], rules=(*base.plans[0].rules, rule))
    zones, prices = (*base.zones, Zone(3, "help", (), short_codes=("110",))), (*base.prices, price_of(103, "Help", 13, 500_000))
    catalogue.publish(world.home, msgspec.structs.replace(base, zones=zones, prices=prices, plans=(plan,)), world.tick())
    call = {"service": VOICE, "start_us": instant_us("2025-11-05T12:00:00"), "duration_us": 60_000_000}
    rows = [call | {"other_raw": "110"}, call | {"other_raw": "853"}, call | {"service": SMS, "other_raw": "110"}, call]
    found = charges(rating.RateBatch(ask(usage(rows), "catalogues/shop/versions/2"), timeout=30))
    assert [(Status(each["status"]).name, each["charge_micros"]) for each in found] == [("RATED", dec("0.50")), *[("NO_ZONE", None)] * 3]


def test_quantities_that_no_column_could_add(rating: RatingServiceStub) -> None:
    """Two volumes of 2**63 - 1 do not wrap to a small one."""
    most = 2**63 - 1
    data = {"service": DATA, "start_us": OCTOBER_US}
    rows = [
        data | {"bytes_up": most, "bytes_down": most},
        data | {"bytes_up": -(2**63), "bytes_down": -(2**63)},
        CALL | {"duration_us": most},
        CALL | {"start_us": -(2**62)},
        CALL | {"other_e164": 2**63 - 1},
    ]
    found = charges(rating.RateBatch(ask(usage(rows)), timeout=30))
    assert [Status(each["status"]).name for each in found] == [
        *("NO_ZONE", "NEGATIVE_QUANTITY", "QUANTITY_TOO_LARGE", "TIME_OUT_OF_RANGE", "INVALID_NUMBER"),
    ]


def test_the_largest_batch_arrives(rating: RatingServiceStub) -> None:
    """65,536 rows are answered within what clients take; one more row, or more bytes, are too many."""
    rows = 65_536
    columns = {"service": [VOICE] * rows, "start_us": [OCTOBER_US] * rows, "other_e164": [8613900000001] * rows, "duration_us": [1] * rows}
    full = pa.table({name: pa.array(values, USAGE_V1.field(name).type) for name, values in columns.items()})
    answer = rating.RateBatch(ask(ipc(full)), timeout=60)
    assert dict(answer.status_counts) == {"RATED": rows}
    assert convert_micros(answer) == rows * 100_000
    assert answer.ByteSize() < CLIENT_BYTES_MAX
    above = pa.concat_tables([full, full.slice(0, 1)])
    exhausted = (grpc.StatusCode.RESOURCE_EXHAUSTED, "BATCH_TOO_LARGE")
    assert refused(lambda: rating.RateBatch(ask(ipc(above)), timeout=60))[:2] == exhausted
    texts = full.slice(0, 9).append_column("other_raw", pa.array(["9" * 932_100] * 9))
    assert len(ipc(texts)) > 8 * 1024 * 1024
    assert refused(lambda: rating.RateBatch(ask(ipc(texts)), timeout=60))[:2] == exhausted


def convert_micros(answer: pb.RateBatchResponse) -> int:
    return int(answer.total.units) * 1_000_000 + answer.total.nanos // 1_000


GOOD = usage([CALL])
ONE = pa.Table.from_pylist([CALL], schema=nullable(list(CALL)))
REFUSED: dict[str, tuple[dict[str, Any], tuple[Any, str], dict[str, str]]] = {
    "no name": ({"version": ""}, (INVALID, "MALFORMED_NAME"), {}),
    "a catalogue": ({"version": "catalogues/shop"}, (INVALID, "MALFORMED_NAME"), {}),
    "no such version": ({"version": "catalogues/shop/versions/9"}, (MISSING, "TARIFF_VERSION_UNKNOWN"), {}),
    "no plan": ({"plan": ""}, (MISSING, "UNKNOWN_PLAN"), {"plan": ""}),
    "no such plan": ({"plan": "shop/nothing"}, (MISSING, "UNKNOWN_PLAN"), {"plan": "shop/nothing"}),
    "a plan of another": ({"plan": "mobile/smart-m"}, (MISSING, "UNKNOWN_PLAN"), {}),
    "NUL": ({"plan": "shop/basic\0"}, (INVALID, "MALFORMED_REQUEST"), {"field": "plan"}),
    "no date": ({"effective_date": date_pb2.Date(year=2025)}, (INVALID, "MALFORMED_REQUEST"), {"field": "effective_date"}),
    "nothing": ({"content": b""}, (INVALID, "ARROW_MALFORMED"), {}),
    "cut short": ({"content": GOOD[:-9]}, (INVALID, "ARROW_MALFORMED"), {}),
    "more behind": ({"content": GOOD + b"x"}, (INVALID, "ARROW_MALFORMED"), {}),
    "compressed": ({"content": ipc(ONE, pa.ipc.IpcWriteOptions(compression="zstd"))}, (INVALID, "ARROW_MALFORMED"), {}),
    "no rows": ({"content": ipc(ONE.slice(0, 0))}, (INVALID, "ARROW_MALFORMED"), {}),
    "no start": ({"content": ipc(ONE.drop_columns(["start_us"]))}, (INVALID, "ARROW_SCHEMA"), {"column": "start_us"}),
    "of a stream": ({"content": ipc(STREAM_V1.empty_table())}, (INVALID, "ARROW_SCHEMA"), {"column": "served"}),
    "twice": ({"content": ipc(ONE.append_column("service", ONE["service"]))}, (INVALID, "ARROW_SCHEMA"), {"column": "service"}),
    "another type": ({"content": ipc(ONE.append_column("units", pa.array([1.5])))}, (INVALID, "ARROW_SCHEMA"), {"column": "units"}),
    "no service": ({"content": usage([CALL, CALL | {"service": None}])}, (INVALID, "ROW_MALFORMED"), {"row": "1"}),
    "no instant": ({"content": usage([CALL, CALL, CALL | {"start_us": None}])}, (INVALID, "ROW_MALFORMED"), {"row": "2"}),
    "unknown service": ({"content": usage([CALL, CALL | {"service": 9}])}, (INVALID, "ROW_MALFORMED"), {"row": "1"}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(rating: RatingServiceStub, name: str) -> None:
    fields, expected, metadata = REFUSED[name]
    answer = refused(lambda: rating.RateBatch(ask(**({"content": GOOD} | fields)), timeout=30))
    assert answer[:2] == expected
    assert answer.metadata | metadata == answer.metadata


def test_a_draft_does_not_price(rating: RatingServiceStub, world: World) -> None:
    catalogue.save(world.home, load(FIRST), catalogue.Operator("ana", 7), NOW_US)
    answer = refused(lambda: rating.RateBatch(ask(GOOD, "catalogues/mobile/versions/1", "mobile/smart-m"), timeout=30))
    assert answer[:2] == (MISSING, "TARIFF_VERSION_UNKNOWN")


def test_damaged_batches_are_rated_or_refused(rating: RatingServiceStub) -> None:
    """Bytes of a batch with all columns of usage are changed at random: no answer is an error of ours."""
    whole = ipc(usage_table(tuple(Call("1001", f"2025-10-05T10:00:{second:02d}", 61) for second in range(9))))
    draw, found = random.Random(18), set[str]()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(draw.choice((1, 2, 5))):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            rating.RateBatch(ask(bytes(damaged)), timeout=30)
            found.add("rated")
        except grpc.RpcError:
            found.add(refused(lambda: rating.RateBatch(ask(bytes(damaged)), timeout=30)).reason)  # noqa: B023 -- called at once
    assert {"rated", "ARROW_MALFORMED"} <= found <= {"rated", "ARROW_MALFORMED", "ARROW_SCHEMA", "ROW_MALFORMED", "BATCH_TOO_LARGE"}
