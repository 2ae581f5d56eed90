"""Values at the edge of the API."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib

import pytest
from google.type import date_pb2

from server.grpc import convert
from server.grpc.refusals import Refusal

KEY = b"k" * 16

AMOUNTS = [
    # micros, units, nanos
    (0, 0, 0),
    (1, 0, 1_000),
    (-1, 0, -1_000),
    (12_340_000, 12, 340_000_000),
    (-12_340_000, -12, -340_000_000),
    (10**18 - 1, 999_999_999_999, 999_999_000),
]


@pytest.mark.parametrize(("number", "kept"), [(-(2**31) - 1, 0), (-(2**31), -(2**31)), (2**31 - 1, 2**31 - 1), (2**31, 0), (7, 7)])
def test_numbers_of_32_bits(number: int, kept: int) -> None:
    assert convert.int32_or_0(number) == kept


@pytest.mark.parametrize(("micros", "units", "nanos"), AMOUNTS)
def test_money(micros: int, units: int, nanos: int) -> None:
    money = convert.money("CNY", micros)
    assert (money.currency_code, money.units, money.nanos) == ("CNY", units, nanos)


def test_dates_go_both_ways() -> None:
    assert convert.parse_date(convert.date("2024-02-29"), "as_of") == dt.date(2024, 2, 29)


@pytest.mark.parametrize("wrong", [(2023, 2, 29), (2023, 0, 1), (0, 1, 1), (2023, 1, 0)])
def test_a_date_that_is_none_is_refused(wrong: tuple[int, int, int]) -> None:
    year, month, day = wrong
    with pytest.raises(Refusal, match=r"as_of: .* is not a date") as refused:
        convert.parse_date(date_pb2.Date(year=year, month=month, day=day), "as_of")
    assert refused.value.reason == "MALFORMED_REQUEST"


def test_names() -> None:
    assert convert.parse_account_name("accounts/A-1") == "A-1"
    assert convert.parse_invoice_name("accounts/A-1/invoices/R-0000000001") == ("A-1", "R-0000000001")
    assert convert.parse_dunning_state_name("accounts/A-1/dunningState") == "A-1"


@pytest.mark.parametrize("name", ["", "accounts/", "accounts/a/b", "account/a", "accounts/a/invoices/", "x/accounts/a/dunningState"])
def test_malformed_names(name: str) -> None:
    for parse in (convert.parse_account_name, convert.parse_invoice_name, convert.parse_dunning_state_name):
        with pytest.raises(Refusal) as refused:
            parse(name)
        assert refused.value.reason == "MALFORMED_NAME"


def test_page_tokens_lead_back_to_their_position_only_for_their_list() -> None:
    token = convert.page_token("accounts/a", "R-0000000001", KEY)
    assert convert.parse_page_token(token, "accounts/a", KEY) == "R-0000000001"
    assert convert.parse_page_token("", "accounts/a", KEY) == ""
    wrong = [("accounts/b", KEY, token), ("accounts/a", b"l" * 16, token), ("accounts/a", KEY, token[:-4])]
    wrong += [("accounts/a", KEY, text) for text in ("x", "é", "AAAA", "B" + token[1:], token + "AAAA", "=", "\ud800")]
    undecodable = hashlib.blake2b(b"accounts/a\0\xff", key=KEY, digest_size=convert.MAC_BYTES).digest() + b"\xff"
    wrong.append(("accounts/a", KEY, base64.urlsafe_b64encode(undecodable).decode()))
    for parent, key, text in wrong:
        with pytest.raises(Refusal) as refused:
            convert.parse_page_token(text, parent, key)
        assert refused.value.reason == "PAGE_TOKEN"
