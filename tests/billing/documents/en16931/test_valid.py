"""Documents by hand, one a case of the norm: valid by its official rules and schemas in both syntaxes and all profiles."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from billing.accounts.parties.kinds import Address
from billing.documents.en16931.norm import Attachment, TaxCurrency
from billing.documents.en16931.profiles import PROFILES
from billing.documents.en16931.rules import Rules
from billing.documents.en16931.writing import written
from billing.documents.semantic.model import Correction, Days, Mandate, Note, Payment, Preceding, ThirdParty, Usage
from tests.billing.documents.en16931.cases import BUYER, CENT, SELLER, document, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.en16931.profiles import ProfileName, Syntax
    from billing.documents.semantic.model import Charged

pytestmark = pytest.mark.slow
SEPTEMBER = Days(dt.date(2025, 9, 1), dt.date(2025, 9, 30))
AUSTRIA = msgspec.structs.replace(BUYER, vat_id="ATU13585627", address=Address("Wien", "AT", "Ring", "1", postal_code="1010"))
REPLACED = (Preceding("R-0000000000", dt.date(2025, 11, 1), "replaced"),)
MANDATE = Payment("59", "R-0000000001", mandate=Mandate("M-1", "DE98ZZZ09999999999", "DE75512108001245126199"))
MESSAGES = Usage(301, 301, 1, "message", "", 28_500)  # 300 at 0.000095 are 0.0285, billed as 0.03
SECONDS = Usage(2, 90_000, 30_000, "millisecond", "", 1_200_000)
CSV = Attachment("usage.csv", "text/csv", b"to,seconds\r\n+49301,60\r\n", "Usage of October")
TWO_RATES = (line(1, 10_000), line(2, 4_999, rate_ppm=70_000), line(3, 333, "Z", 0))
OFFER = (line(1, 10_000), line(2, -1_000, role="allowance"), line(3, 250, role="charge"))
FILM = (ThirdParty("film", "Film GmbH", "0800 1234", 500 * CENT),)

CASES: dict[str, tuple[Charged, dict[str, Any]]] = {
    "one rate": (document([line(1, 1301)]), {}),
    "several rates": (document(TWO_RATES), {}),
    "exempt": (document([line(1, 1000, "E", 0), line(2, 500)]), {}),
    "reverse charge": (document([line(1, 1000, "AE", 0)], buyer=AUSTRIA), {}),
    "within the community": (document([line(1, 1000, "K", 0)], buyer=AUSTRIA), {}),
    "export": (document([line(1, 1000, "G", 0)]), {}),
    "outside": (document([line(1, 1000, "O", 0)]), {}),
    "tax currency": (document([line(1, 10_000)]), {"tax_currency": TaxCurrency("CZK", 46_550 * CENT)}),
    "allowance and charge": (document(OFFER), {}),
    "below a cent": (document([line(1, 3, text="SMS", kind="usage", usage=MESSAGES), line(2, 120, kind="usage", usage=SECONDS)]), {}),
    "another user": (document([line(1, 1000, user="ben", user_name="Ben & Söhne")]), {}),
    "prepaid": (document([line(1, 10_000)], 5_000), {}),
    "prepaid whole": (document([line(1, 10_000)], 11_900), {}),
    "zero": (document([line(1, 1000), line(2, -1000)], taxes=()), {}),
    "negative": (document([line(1, 1000), line(2, -3000)]), {}),
    "mandate": (document([line(1, 1000)], payment=MANDATE), {}),
    "attachment": (document([line(1, 1000)]), {"attachments": (CSV,)}),
    "corrected invoice": (document([line(1, 1000)], preceding=REPLACED), {}),
    "correction of September": (
        document([line(1, 1000), line(2, 30, days=SEPTEMBER, correction=Correction("R-0", dt.date(2025, 10, 1)))]),
        {},
    ),
    "credit note": (document([line(1, -250)], is_credit_note=True), {}),
    "credit note of an offer": (document([line(1, -1000), line(2, 100, role="charge")], is_credit_note=True), {}),
    "third party": (document([line(1, 1000), line(2, 500, "Z", 0, "third_party", third_party="film")], third=FILM), {}),
    "notes": (document([line(1, 1000)], notes=(Note("footer", "Amtsgericht Berlin <HRB> & more \U0001f4de"),)), {}),
    "another address of service": (document([line(1, 1000)], buyer=msgspec.structs.replace(BUYER, service_address=SELLER.address)), {}),
}
WAYS: list[tuple[Syntax, ProfileName]] = [(syntax, name) for name, each in PROFILES.items() for syntax in each.syntaxes]


@pytest.fixture(scope="module")
def rules() -> Iterator[Rules]:
    """The official rules, compiled once."""
    with Rules() as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_valid_by_the_official_rules(rules: Rules, case: str) -> None:
    made, more = CASES[case]
    for syntax, profile in WAYS:
        found = written(made, syntax, profile, **more)
        assert (rules.faults(syntax, found.xml), found.findings) == ([], ()), (syntax, profile)
