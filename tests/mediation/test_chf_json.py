"""Charging data requests: containers as events, where they start, what identifies them, what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mediation.decode import decode, decode_rows
from mediation.definitions.named import find
from mediation.inspect import inspect
from rating.errors import ProblemsError, UserError
from rating.model import Service
from rating.schema import UsageFlag

if TYPE_CHECKING:
    from pathlib import Path

    from mediation.decoded import Decoded

CHF = find("chf-json")
CONTAINER = {"localSequenceNumber": 1, "totalVolume": 1000, "triggerTimestamp": "2026-03-01T14:00:00Z"}


def request(containers: list[dict[str, Any]], **changed: Any) -> bytes:  # noqa: ANN401 - JSON
    """A request of one rating group."""
    made = {
        "nfConsumerIdentification": {"nFName": "smf-1", "nodeFunctionality": "SMF"},
        "invocationTimeStamp": "2026-03-01T14:00:02Z",
        "invocationSequenceNumber": 1,
        "subscriberIdentifier": "imsi-460990000000001",
        "pDUSessionChargingInformation": {"chargingId": 77, "userInformation": {"servedGPSI": "msisdn-8613900000001"}},
        "multipleUnitUsage": [{"ratingGroup": 10, "usedUnitContainer": containers}],
    }
    return json.dumps(made | changed).encode()


def rows_of(decoded: Decoded, *names: str) -> list[tuple[Any, ...]]:
    decoded.usage.validate(full=True)
    assert decoded.rows == decoded.usage.num_rows + len(decoded.rejects)
    return list(zip(*(decoded.usage.column(name).to_pylist() for name in names), strict=True))


def starts(decoded: Decoded) -> list[str]:
    return [start.isoformat().replace("+00:00", "") for start in decoded.usage.column("start_us").to_pylist()]


def test_the_fixture(fixtures: Path) -> None:
    found = decode(fixtures / "chf-json" / "session.json", CHF)
    columns = ("record_id", "service", "served_id", "rating_group", "bytes_up", "bytes_down", "units", "cause", "flags")
    assert rows_of(found, *columns) == [
        ("77-0-", Service.DATA, "8613900000001", None, None, None, None, 0, UsageFlag.UNANSWERED),  # the session's first request
        ("77-1-1", Service.DATA, "8613900000001", 10, 100, 900, None, 1001, 0),  # closed by the change of tariff
        ("77-1-2", Service.DATA, "8613900000001", 10, None, 5_000_000_000, None, 0, 0),  # above 4 GiB
        ("77-1-3", Service.DATA, "8613900000001", 20, None, None, 2, 0, 0),
        ("imsi-460990000000001-0-", Service.SMS, "8613900000001", None, None, None, 1, 0, 0),
    ]
    assert [(reject.reason, reject.offset) for reject in found.rejects] == [("volumes_disagree", 367)]
    assert starts(found) == [
        "2026-03-01T09:00:00",
        "2026-03-01T13:59:00",  # a minute was used when the trigger came
        "2026-03-01T14:00:01.500000",
        "2026-03-01T14:59:59.999999",
        "2026-03-01T09:00:00",
    ]
    assert rows_of(found, "call_ref", "source_seq", "other_text", "other_e164", "serving_plmn", "duration_us") == [
        ("77", 0, "internet", None, None, None),
        ("77", 1, "internet", None, 460_000, 60_000_000),
        ("77", 1, "internet", None, 460_000, None),
        ("77", 1, "internet", None, 460_000, None),
        (None, 0, None, 8613900000002, None, None),
    ]


def test_the_figures_of_the_fixture(fixtures: Path) -> None:
    figures = inspect(fixtures / "chf-json" / "session.json", CHF)
    assert (figures.rows, figures.answered, figures.unanswered, figures.rejected) == (6, 4, 1, {"volumes_disagree": 1})


def test_a_change_of_tariff_stays_a_cut() -> None:
    change = [{"triggerType": "VOLUME_LIMIT"}, {"triggerType": "TARIFF_TIME_CHANGE"}]
    before = CONTAINER | {"triggers": change}
    after = CONTAINER | {"localSequenceNumber": 2, "triggerTimestamp": "2026-03-01T14:30:00Z", "triggers": [{"triggerType": "FINAL"}]}
    found = decode_rows([request([before, after])], CHF)
    assert starts(found) == ["2026-03-01T13:59:59.999999", "2026-03-01T14:29:59.999999"]  # the first lies before the change
    assert rows_of(found, "cause", "flags") == [(1001, 0), (0, 0)]


@pytest.mark.parametrize(
    ("changed", "start"),
    [
        ({"pDUContainerInformation": {"timeofFirstUsage": "2026-03-01T21:00:00.25+08:00"}, "time": 9}, "2026-03-01T13:00:00.250000"),
        ({"eventTimeStamps": ["2026-03-01T13:30:00Z", "2026-03-01T13:31:00Z"]}, "2026-03-01T13:30:00"),
        ({"time": 90}, "2026-03-01T13:58:30"),
        ({"time": 0}, "2026-03-01T13:59:59.999999"),
        ({"triggerTimestamp": None}, "2026-03-01T14:00:02"),
    ],
)
def test_where_a_container_starts(changed: dict[str, Any], start: str) -> None:
    assert starts(decode_rows([request([CONTAINER | changed])], CHF)) == [start]


@pytest.mark.parametrize(
    ("zone", "offset_s"),
    [("+08:00", 28_800), ("-03:30", -12_600), ("+01:00+1", 7200), ("nonsense", None), (None, None)],
)
def test_the_zone_of_the_device(zone: str | None, offset_s: int | None) -> None:
    raw = request([CONTAINER | {"pDUContainerInformation": {"uetimeZone": zone}}])
    assert rows_of(decode_rows([raw], CHF), "offset_s") == [(offset_s,)]


@pytest.mark.parametrize(
    ("volumes", "up", "down"),
    [
        ({"totalVolume": 10}, None, 10),
        ({"totalVolume": 10, "uplinkVolume": 4}, 4, 6),
        ({"totalVolume": 10, "downlinkVolume": 4}, 6, 4),
        ({"totalVolume": 10, "uplinkVolume": 4, "downlinkVolume": 6}, 4, 6),
        ({"uplinkVolume": 4, "downlinkVolume": 6}, 4, 6),
        ({"totalVolume": 0}, None, 0),
    ],
)
def test_volumes(volumes: dict[str, int], up: int | None, down: int | None) -> None:
    container = {name: value for name, value in CONTAINER.items() if name != "totalVolume"} | volumes
    assert rows_of(decode_rows([request([container])], CHF), "bytes_up", "bytes_down") == [(up, down)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (request([CONTAINER | {"localSequenceNumber": None}]), "missing_value"),
        (request([CONTAINER | {"totalVolume": None}]), "missing_value"),
        (request([CONTAINER], invocationSequenceNumber=None), "missing_value"),
        (request([CONTAINER], invocationTimeStamp=None), "missing_value"),
        (request([CONTAINER], invocationTimeStamp="soon"), "unreadable_time"),
        (request([CONTAINER | {"totalVolume": -1}]), "negative_quantity"),
        (request([CONTAINER | {"totalVolume": 1 << 50}]), "quantity_too_large"),
        (request([CONTAINER | {"totalVolume": "much"}]), "unreadable_number"),
        (request([CONTAINER | {"uplinkVolume": 4, "downlinkVolume": 5}]), "volumes_disagree"),
        (request([CONTAINER | {"uplinkVolume": 1001}]), "volumes_disagree"),
        (request([], nfConsumerIdentification={"nodeFunctionality": "X"}, pDUSessionChargingInformation={}), "unknown_service"),
        (request([CONTAINER], multipleUnitUsage=[{"ratingGroup": 1 << 31, "usedUnitContainer": [CONTAINER]}]), "unreadable_number"),
    ],
)
def test_what_is_refused(raw: bytes, reason: str) -> None:
    found = decode_rows([raw], CHF)
    assert [reject.reason for reject in found.rejects] == [reason]
    assert found.usage.num_rows == 0


def test_what_identifies_a_container() -> None:
    first = request([CONTAINER])
    others = [
        request([CONTAINER | {"localSequenceNumber": 2}]),
        request([CONTAINER], invocationSequenceNumber=2),
        request([CONTAINER], nfConsumerIdentification={"nFName": "smf-2", "nodeFunctionality": "SMF"}),
        request([CONTAINER], pDUSessionChargingInformation={"chargingId": 78, "userInformation": {"servedGPSI": "msisdn-8613900000001"}}),
        request([CONTAINER], multipleUnitUsage=[{"ratingGroup": 11, "usedUnitContainer": [CONTAINER]}]),
    ]
    keys = [key for (key,) in rows_of(decode_rows([first, *others], CHF), "event_key")]
    assert len(set(keys)) == 6
    again = request([CONTAINER], retransmissionIndicator=True, invocationTimeStamp="2026-03-01T14:00:09Z")
    assert rows_of(decode_rows([again], CHF), "event_key", "content_hash") == rows_of(
        decode_rows([first], CHF), "event_key", "content_hash"
    )
    more = request([CONTAINER | {"totalVolume": 1001}])
    assert rows_of(decode_rows([more], CHF), "event_key") == [(keys[0],)]  # the same container, with other content


def test_voice_by_time_and_events_by_units() -> None:
    voice = request(
        [{"localSequenceNumber": 1, "time": 75, "triggerTimestamp": "2026-03-01T14:00:00Z"}],
        nfConsumerIdentification={"nFName": "ims", "nodeFunctionality": "IMS_Node"},
        iMSChargingInformation={"calledPartyAddress": "tel:+8613700000001"},
    )
    api = request(
        [],
        nfConsumerIdentification={"nFName": "nef", "nodeFunctionality": "NEF"},
        oneTimeEvent=True,
        nEFChargingInformation={"aPIName": "locate"},
    )
    found = decode_rows([voice, api], CHF)
    assert rows_of(found, "service", "duration_us", "other_e164", "units", "other_text") == [
        (Service.VOICE, 75_000_000, 8613700000001, None, None),
        (Service.CONTENT, None, None, 1, "locate"),
    ]


def test_numbers_are_international_whatever_the_numbering(tmp_path: Path) -> None:
    definition = tmp_path / "core.yaml"
    definition.write_text("name: core\nformat: chf-json\nnumbering: {country_code: '86', plain: national}\n")
    assert rows_of(decode_rows([request([CONTAINER])], find(str(definition))), "served_id") == [("8613900000001",)]


def test_further_columns_are_paths(tmp_path: Path) -> None:
    definition = tmp_path / "core.yaml"
    definition.write_text(
        "name: core\nformat: chf-json\ncolumns: [a.b, 'multipleUnitUsage[].usedUnitContainer[].x', 'multipleUnitUsage[].uPFID']\n"
        "charge_columns: [a.b, 'multipleUnitUsage[].usedUnitContainer[].x', 'multipleUnitUsage[].uPFID']\n"
    )
    raws = [request([CONTAINER], a={"b": "1"}), request([CONTAINER], a={"b": "2"}), request([CONTAINER | {"x": "1"}], a={"b": "1"})]
    found = decode_rows(raws, find(str(definition)))
    assert len({content for (content,) in rows_of(found, "content_hash")}) == 3
    definition.write_text("name: core\nformat: chf-json\ncolumns: ['multipleUnitUsage[].usedUnitContainer[].triggers[].triggerCategory']\n")
    with pytest.raises(UserError, match="is not a path"):
        decode_rows(raws, find(str(definition)))


def test_containers_cannot_be_joined(tmp_path: Path) -> None:
    definition = tmp_path / "core.yaml"
    definition.write_text("name: core\nformat: chf-json\nservices: {data: {partials: join}}\n")
    with pytest.raises(ProblemsError) as caught:
        find(str(definition))
    assert [(problem.path, problem.message.partition(":")[0]) for problem in caught.value.problems] == [
        ("services.data", "used unit containers are never joined")
    ]
