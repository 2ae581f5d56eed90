"""Documents in the terms of the norm, worked out by hand, and what the norm, a profile or XML cannot hold."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import msgspec
import pytest

from billing.accounts.parties.kinds import References
from billing.documents.en16931.norm import Attachment, Norm, NormPart, Price, TaxCurrency, decimal
from billing.documents.en16931.profiles import PROFILES, ProfileName
from billing.documents.en16931.words import LANGUAGES, say
from billing.documents.en16931.writing import written
from billing.documents.semantic.model import Charged, Days, Finding, Line, Preceding, Tax, ThirdParty, Usage
from rating.errors import UserError
from tests.billing.documents.en16931.cases import BUYER, CENT, OCTOBER, SELLER, document, line
from tests.billing.documents.en16931.reading import ReadLine, read


def norm_of(made: Charged, profile: ProfileName = "en16931") -> Norm:
    return written(made, "ubl", profile).norm


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in found]


def priced(micros: int, cents: int, **usage: object) -> Price:
    values: dict[str, object] = {
        "records": 1,
        "quantity": 0,
        "free_quantity": 0,
        "unit": "message",
        "shown_unit": "",
        "exact_micros": micros,
    }
    (found,) = norm_of(document([line(1, cents, usage=Usage(**(values | usage)))])).lines  # type: ignore[arg-type]  # of the types of its fields
    return found.price


def test_a_credit_note_turns_its_amounts() -> None:
    """-10.00 of a fee and 1.00 of a discount taken back: 9.00 net and 1.71 tax are credited, and the discount is an allowance."""
    made = document([line(1, -1000), line(2, 100, role="charge")], is_credit_note=True, language="en")
    norm = norm_of(made)
    assert (norm.type_code, norm.sums.lines_micros, norm.sums.allowances_micros) == ("381", 1000 * CENT, 100 * CENT)
    assert (norm.sums.net_micros, norm.sums.tax_micros, norm.sums.due_micros) == (900 * CENT, 171 * CENT, 1071 * CENT)
    assert norm.parts == (NormPart(False, 100 * CENT, "Fee 2", "S", 190_000),)
    assert (norm.due_on, norm.terms, norm.notes) == (None, "This amount is credited to your account.", ("Goodwill",))


def test_a_price_below_a_cent_is_stated_for_more_of_the_unit() -> None:
    """300 messages at 0.0095 are 2.85; at 0.000095 they are 0.0285, billed as 0.03; 60 s at 0.0002 are 0.012, billed as 0.01."""
    assert priced(2_850_000, 285, quantity=301, free_quantity=1) == Price(Fraction(300), "C62", 950_000 // CENT * CENT, 100)
    assert priced(28_500, 3, quantity=300) == Price(Fraction(300), "C62", 950_000, 10_000)
    assert priced(12_000, 1, quantity=60_000, unit="millisecond") == Price(Fraction(60), "SEC", 20_000, 100)
    assert priced(30_000_000, 3000, quantity=1_500_000_000, unit="byte", shown_unit="GB") == Price(Fraction(3, 2), "E34", 20_000_000)


def test_a_line_without_an_exact_price_is_one_times_its_amount() -> None:
    """1.00 for 3 messages has no exact price; a minimum makes the amount another one than quantity times price."""
    assert priced(1_000_000, 100, quantity=3) == Price(Fraction(1), "C62", 100 * CENT)
    assert priced(1_000_000, 500, quantity=10) == Price(Fraction(1), "C62", 500 * CENT)
    assert priced(0, 0, quantity=10) == Price(Fraction(1), "C62", 0)
    (found,) = norm_of(document([line(1, -300), line(2, 1000)])).lines[:1]
    assert found.price == Price(Fraction(-1), "C62", 300 * CENT)


def test_amounts_in_the_file() -> None:
    usage = Usage(1, 300, 0, "message", "", 28_500)
    made = document([line(1, 3, usage=usage), line(2, -100), line(3, 1000)])
    for syntax in ("ubl", "cii"):
        found = read(syntax, written(made, syntax).xml)
        assert found.sums == (Fraction(903, 100), Fraction(172, 100), Fraction(1075, 100), Fraction(1075, 100))
        assert found.lines[0] == ReadLine(Fraction(300), Fraction(95, 100), Fraction(10_000), Fraction(3, 100))
        assert found.lines[1] == ReadLine(Fraction(-1), Fraction(1), Fraction(1), Fraction(-1))


def test_a_tax_that_is_not_the_product_is_written_and_told() -> None:
    """Two classes of 0.13 at 19 % have 0.02 each, 0.04; 0.26 at once is 0.0494, 0.05. 0.05 for 0.26 is told nowhere."""
    lines = [line(1, 13), line(2, 13)]
    found = written(document(lines, taxes=(Tax("S", 190_000, 26 * CENT, 4 * CENT, ()),)), "ubl")
    assert (found.norm.sums.tax_micros, found.norm.sums.total_micros, found.norm.sums.due_micros) == (4 * CENT, 30 * CENT, 30 * CENT)
    assert codes(found.findings) == ["tax_arithmetic"]
    assert found.findings[0].message == "has a tax of 0.04 at 19 % (S), and EN 16931 works out 0.05 (BR-CO-17)"
    assert written(document(lines), "ubl").findings == ()


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (document([line(1, 500, "Z", 0, "third_party", third_party="f")], third=[ThirdParty("f", "F", "", 500 * CENT)]), "no_lines"),
        (document([line(1, 500)], currency="KWD", minor_digits=3), "currency_digits"),
        (document([line(1, 500, "O", 0), line(2, 500)]), "outside_with_others"),
    ],
)
def test_what_the_norm_cannot_say(made: Charged, code: str) -> None:
    for syntax in ("ubl", "cii"):
        assert codes(written(made, syntax).findings) == [code]


def test_a_tax_of_no_line_is_told() -> None:
    """A correction of a tax alone: 0.05 at 19 % on nothing, beside a line at 7 %."""
    taxes = (Tax("S", 70_000, 1000 * CENT, 70 * CENT, ()), Tax("S", 190_000, 0, 5 * CENT, ()))
    found = written(document([line(1, 1000, rate_ppm=70_000)], taxes=taxes), "ubl")
    assert codes(found.findings) == ["tax_arithmetic", "tax_without_line"]
    assert found.norm.sums.total_micros == 1075 * CENT


def test_characters_that_xml_cannot_hold_are_told() -> None:
    texts = "a\x00b\x0bc\ufffed\ud800", "tab\there\r\nnext <&>\"'"
    made = document([line(1, 500, text=texts[0]), line(2, 500, text=texts[1])])
    for syntax, path in (("ubl", "cbc:Name"), ("cii", "ram:Name")):
        found = written(made, syntax)
        assert [each.message.partition(",")[0] for each in found.findings] == [
            f"{path} has {each}" for each in ("U+0000", "U+000B", "U+D800", "U+FFFE")
        ]
        text = found.xml.decode()
        assert "a\ufffdb\ufffdc\ufffdd\ufffd" in text
        assert "tab\there\nnext &lt;&amp;&gt;\"'" in text


def test_a_replaced_document_makes_a_corrected_invoice_where_nothing_new_is_billed() -> None:
    replaced = Preceding("R-0000000000", dt.date(2025, 11, 1), "replaced")
    assert norm_of(document([line(1, 500)], preceding=(replaced,))).type_code == "384"
    later = Days(dt.date(2025, 10, 1), dt.date(2025, 11, 30))
    assert norm_of(document([line(1, 500)], preceding=(replaced,), period=later)).type_code == "380"
    assert norm_of(document([line(1, 500)], preceding=(msgspec.structs.replace(replaced, sense="corrected"),))).type_code == "380"


def test_peppol_has_lines_within_the_period_of_the_document() -> None:
    september = Days(dt.date(2025, 9, 1), dt.date(2025, 9, 30))
    made = document([line(1, 500), line(2, 30, days=september)])
    assert norm_of(made).period == OCTOBER
    assert norm_of(made, "peppol").period == Days(september.first, OCTOBER.last)


def test_what_profiles_want_is_told() -> None:
    bare = document(
        [line(1, 500)],
        seller=msgspec.structs.replace(SELLER, contact=None, electronic_address=None),
        buyer=msgspec.structs.replace(BUYER, references=References(purchase_order="PO-7"), electronic_address=None),
    )
    assert codes(written(bare, "ubl").findings) == []
    assert codes(written(bare, "ubl", "peppol").findings) == ["electronic_address", "electronic_address"]
    xrechnung = ["buyer_reference", "electronic_address", "electronic_address", "seller_contact"]
    assert codes(written(bare, "cii", "xrechnung").findings) == xrechnung
    for profile in PROFILES.values():
        assert f">{profile.customization}<" in written(bare, "ubl", profile.name).xml.decode()


def test_what_is_refused() -> None:
    made = document([line(1, 500)])
    with pytest.raises(UserError, match="peppol has no cii"):
        written(made, "cii", "peppol")
    with pytest.raises(UserError, match=r"usage\.exe is of no known kind"):
        written(made, "ubl", attachments=[Attachment("usage.exe", "", b"")])
    with pytest.raises(UserError, match="two attachments have one name"):
        written(made, "ubl", attachments=[Attachment("a.csv", "text/csv", b"1"), Attachment("a.csv", "text/csv", b"2")])


def test_a_second_currency_of_tax_turns_with_the_document() -> None:
    made = document([line(1, -10_000)], is_credit_note=True)
    text = written(made, "ubl", tax_currency=TaxCurrency("CZK", -46_550 * CENT)).xml.decode()
    assert '<cac:TaxTotal><cbc:TaxAmount currencyID="CZK">465.50</cbc:TaxAmount></cac:TaxTotal>' in text


def test_third_parties_are_told_outside_the_sums() -> None:
    lines = [line(1, 1000), line(2, 500, "Z", 0, "third_party")]
    norm = norm_of(document(lines, third=[ThirdParty("f", "Film GmbH", "0800 1", 500 * CENT)], language="en"))
    assert norm.notes == ("Collected for Film GmbH, not part of this invoice: 5.00 EUR. 0800 1", "To pay in all: 16.90 EUR.")
    assert (norm.sums.due_micros, [each.line_id for each in norm.lines]) == (1190 * CENT, ["1"])


def test_the_same_document_has_the_same_bytes() -> None:
    made = document([line(1, 1000)])
    assert written(made, "cii").xml == written(made, "cii").xml
    assert isinstance(made.lines[0], Line)


def test_decimals() -> None:
    assert [decimal(each, 2) for each in (0, 1, -5_000, 1_000_000, 12_340_000, 10**18)] == [
        "0.00", "0.000001", "-0.005", "1.00", "12.34", "1000000000000.00",
    ]  # fmt: skip
    assert decimal(19_000_000) == "19"


def test_words_are_in_each_language() -> None:
    assert [say(each, "credited") == say("en", "credited") for each in LANGUAGES] == [True, False, False]
    assert say("de-AT", "corrects", number="R-1") == "Berichtigt R-1"
    assert say("fr", "user") == "User"
