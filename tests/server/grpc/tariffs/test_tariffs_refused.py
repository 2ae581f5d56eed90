"""Each refusal that the comments of TariffService name, by what provokes it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import timestamp_pb2
from google.rpc import error_details_pb2
from google.type import date_pb2
from grpc_status import rpc_status

from ratewright.v1 import tariff_service_pb2 as pb
from rating.errors import UserError
from server.grpc import convert
from server.grpc.tariffs import tariff_service
from tariffs.sheets import pdf
from tests.server.access.conftest import NOW_US
from tests.server.grpc.calls import refused
from tests.server.grpc.tariffs.conftest import FIRST, MOBILE, SECOND, drafted, files_of, published, tariffs

if TYPE_CHECKING:
    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
INVALID, MISSING, NOT_NOW = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION
DAY = convert.date(dt.date(2027, 1, 1))
PERSON = {"ApproveTariffDraft": "the-approver"}  # the others are the operator's


def asked(guarded: Guarded, request: Any) -> Any:  # noqa: ANN401 -- a request of any call
    """Make the call of a request."""
    method = type(request).__name__.removesuffix("Request")
    return getattr(tariffs(guarded, PERSON.get(method, "the-operator")), method)(request, timeout=60)


NAMES = ("", "mobile@1", "catalogues/mobile", "catalogues/Mobile/versions/1", "catalogues/mobile/versions/0", "catalogues/a/versions/1/2",
         "catalogues/mobile/versions/1\0", "catalogues/-/versions/1", "catalogues/mobile/versions/-1")  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names(guarded: Guarded, name: str) -> None:
    for request in (
        pb.GetTariffVersionRequest(name=name),
        pb.DiffTariffVersionsRequest(old=name, new=f"{MOBILE}1"),
        pb.ApproveTariffDraftRequest(name=name),
        pb.RejectTariffDraftRequest(name=name),
        pb.PublishTariffRequest(name=name),
        pb.RepealTariffRequest(name=name, from_date=DAY, reason="x"),
    ):
        answer = refused(lambda: asked(guarded, request))  # noqa: B023 -- called at once
        assert answer[0] == INVALID, request
        assert answer.reason == "MALFORMED_NAME" or ("\0" in name and answer.metadata == {"field": "name"}), request


def test_lists(guarded: Guarded) -> None:
    drafted(guarded, FIRST)
    drafted(guarded, SECOND)
    rows: list[tuple[Any, tuple[Any, str]]] = [
        (pb.ListTariffVersionsRequest(parent=""), (INVALID, "MALFORMED_NAME")),
        (pb.ListTariffVersionsRequest(parent="catalogues/mobile/versions/1"), (INVALID, "MALFORMED_NAME")),
        (pb.ListTariffVersionsRequest(parent="catalogues/nowhere"), (MISSING, "CATALOGUE_UNKNOWN")),
        (pb.ListTariffVersionsRequest(parent="catalogues/-", page_size=-1), (INVALID, "PAGE_SIZE")),
        (pb.ListTariffVersionsRequest(parent="catalogues/-", page_token="eHg="), (INVALID, "PAGE_TOKEN")),  # noqa: S106 -- of no list
        (pb.GetTariffVersionRequest(name=f"{MOBILE}9"), (MISSING, "TARIFF_VERSION_UNKNOWN")),
        (pb.DiffTariffVersionsRequest(old=f"{MOBILE}1", new=f"{MOBILE}9"), (MISSING, "TARIFF_VERSION_UNKNOWN")),
        (pb.DiffTariffVersionsRequest(old=f"{MOBILE}1", new=f"{MOBILE}2", page_size=-1), (INVALID, "PAGE_SIZE")),
    ]
    for request, expected in rows:
        assert refused(lambda: asked(guarded, request))[:2] == expected, request  # noqa: B023 -- called at once
    page = asked(guarded, pb.DiffTariffVersionsRequest(old=f"{MOBILE}1", new=f"{MOBILE}2", page_size=1))
    turned = pb.DiffTariffVersionsRequest(old=f"{MOBILE}2", new=f"{MOBILE}1", page_token=page.next_page_token)
    assert refused(lambda: asked(guarded, turned)).reason == "PAGE_TOKEN", "a token of another query"


def test_a_published_version_is_not_drafted_again(guarded: Guarded) -> None:
    published(guarded, FIRST)
    same = refused(lambda: drafted(guarded, FIRST))
    assert (same[:2], "is published already, with this content" in same.message) == ((NOT_NOW, "REFUSED"), True)
    other = [pb.TariffFile(name=each.name, content=each.content.replace(b"0.19", b"0.29")) for each in files_of(FIRST)]
    answer = refused(lambda: asked(guarded, pb.DraftTariffRequest(files=other)))
    assert (answer[:2], answer.metadata["remedy"]) == (
        (NOT_NOW, "REFUSED"), "a published version never changes: raise the version number and publish again",
    )  # fmt: skip


def test_mistakes_of_a_draft_name_their_places(guarded: Guarded) -> None:
    broken = [pb.TariffFile(name=each.name, content=each.content.replace(b"EUR", b"EURO")) for each in files_of(FIRST)]
    with pytest.raises(grpc.RpcError) as raised:
        asked(guarded, pb.DraftTariffRequest(files=broken))
    assert refused(lambda: asked(guarded, pb.DraftTariffRequest(files=broken)))[:2] == (INVALID, "MALFORMED_REQUEST")
    details = error_details_pb2.BadRequest()
    assert rpc_status.from_call(raised.value).details[1].Unpack(details)
    assert details.field_violations[0].field.startswith("header.yaml: currency")
    assert details.field_violations[0].description == '"EURO" is not a currency'


def test_reviews(guarded: Guarded) -> None:
    nothing = refused(lambda: asked(guarded, pb.ApproveTariffDraftRequest(name=f"{MOBILE}1")))
    assert (nothing[:2], nothing.message) == ((MISSING, "NOT_FOUND"), "there is no draft mobile@1")
    drafted(guarded, FIRST)
    lines = pb.ApproveTariffDraftRequest(name=f"{MOBILE}1", note="a\nb")
    assert refused(lambda: asked(guarded, lines))[:2] == (INVALID, "MALFORMED_REQUEST")
    nul = pb.ApproveTariffDraftRequest(name=f"{MOBILE}1", note="a\0b")
    assert refused(lambda: asked(guarded, nul))[:2] == (INVALID, "MALFORMED_REQUEST")
    other = pb.ApproveTariffDraftRequest(name=f"{MOBILE}1", content_hash="0000")
    assert refused(lambda: asked(guarded, other))[:2] == (NOT_NOW, "REFUSED")
    published_one = pb.ApproveTariffDraftRequest(name="catalogues/shop/versions/1")
    assert refused(lambda: asked(guarded, published_one))[:2] == (NOT_NOW, "REFUSED")


def test_a_draft_that_is_not_ready(guarded: Guarded) -> None:
    """All conditions at once, by name; a waiver without a reason is none."""
    missing = refused(lambda: asked(guarded, pb.PublishTariffRequest(name=f"{MOBILE}1")))
    assert missing[:2] == (MISSING, "TARIFF_VERSION_UNKNOWN")
    drafted(guarded, FIRST)
    for request in (pb.PublishTariffRequest(name=f"{MOBILE}1"), pb.PublishTariffRequest(name=f"{MOBILE}1", waive_review="")):
        with pytest.raises(grpc.RpcError) as raised:
            asked(guarded, request)
        assert raised.value.code() is NOT_NOW
        info, details = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        status = rpc_status.from_call(raised.value)
        assert status.details[0].Unpack(info)
        assert status.details[1].Unpack(details)
        assert info.reason == "TARIFF_NOT_READY"
        assert [each.field for each in details.field_violations] == ["review"]
        assert "no person but its author has reviewed it" in details.field_violations[0].description
    done = asked(guarded, pb.PublishTariffRequest(name=f"{MOBILE}1", waive_review="one person tries it out"))
    assert list(done.notes) == ["review waived: one person tries it out", "no usage is stored, so there is no month to try the draft on"]


def test_repeals(guarded: Guarded) -> None:
    shop = "catalogues/shop/versions/1"
    past = convert.timestamp(NOW_US - 1)
    rows: list[tuple[dict[str, Any], tuple[Any, str], str]] = [
        ({"reason": "x"}, (INVALID, "MALFORMED_REQUEST"), "from_date"),
        ({"reason": "x", "from_date": date_pb2.Date(year=2027)}, (INVALID, "MALFORMED_REQUEST"), "from_date"),
        ({"reason": "x", "from_time": timestamp_pb2.Timestamp(nanos=-1)}, (INVALID, "MALFORMED_REQUEST"), "from_time"),
        ({"reason": "x", "from_time": timestamp_pb2.Timestamp(seconds=2**60)}, (INVALID, "MALFORMED_REQUEST"), "from_time"),
        ({"from_date": DAY}, (INVALID, "MALFORMED_REQUEST"), ""),
        ({"reason": "x", "from_date": convert.date(dt.date(2080, 1, 1))}, (INVALID, "MALFORMED_REQUEST"), ""),
        ({"reason": "x", "from_time": past}, (NOT_NOW, "REFUSED"), ""),
        ({"reason": "x", "from_date": DAY, "name": f"{MOBILE}1"}, (MISSING, "NOT_FOUND"), ""),
    ]
    for fields, expected, field in rows:
        request = pb.RepealTariffRequest(**{"name": shop, **fields})
        answer = refused(lambda: asked(guarded, request))  # noqa: B023 -- called at once
        assert (answer[:2], answer.metadata.get("field", "")) == (expected, field), fields
    asked(guarded, pb.RepealTariffRequest(name=shop, from_date=DAY, reason="the end"))
    again = refused(lambda: asked(guarded, pb.RepealTariffRequest(name=shop, from_date=DAY, reason="the end")))
    assert (again[:2], "is repealed already" in again.message) == ((NOT_NOW, "REFUSED"), True)


def test_sheets(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted(guarded, FIRST)
    rows: list[tuple[dict[str, Any], tuple[Any, str]]] = [
        ({"plan": ""}, (INVALID, "MALFORMED_REQUEST")),
        ({"plan": "shop"}, (INVALID, "MALFORMED_REQUEST")),
        ({"plan": "shop/basic", "language_code": "fr"}, (INVALID, "MALFORMED_REQUEST")),
        ({"plan": "shop/basic", "format": 9}, (INVALID, "MALFORMED_REQUEST")),
        ({"plan": "shop/basic", "as_of": date_pb2.Date(year=2027)}, (INVALID, "MALFORMED_REQUEST")),
        ({"plan": "nowhere/basic"}, (MISSING, "NOT_FOUND")),
        ({"plan": "mobile/smart-m"}, (MISSING, "NOT_FOUND")),  # no version is published
        ({"plan": "shop/nothing"}, (MISSING, "NOT_FOUND")),
        ({"plan": "mobile@2/smart-m"}, (MISSING, "TARIFF_VERSION_UNKNOWN")),
        ({"plan": "mobile@x/smart-m"}, (INVALID, "MALFORMED_NAME")),
    ]
    for fields, expected in rows:
        answer = refused(lambda: asked(guarded, pb.GetTariffSheetRequest(**fields)))  # noqa: B023 -- called at once
        assert answer[:2] == expected, fields
        assert str(guarded.home.path) not in str(answer)
    monkeypatch.setattr(tariff_service, "SHEET_BYTES_MAX", 100)
    large = refused(lambda: asked(guarded, pb.GetTariffSheetRequest(plan="shop/basic")))
    assert large[:2] == (grpc.StatusCode.RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE")

    def missing(_sheet: object) -> bytes:
        raise UserError("what draws PDF is missing", pdf.REMEDY)

    monkeypatch.setattr(pdf, "render", missing)
    answer = refused(lambda: asked(guarded, pb.GetTariffSheetRequest(plan="shop/basic", format="FORMAT_PDF")))
    assert (answer[:2], answer.metadata["remedy"]) == ((NOT_NOW, "REFUSED"), pdf.REMEDY)
