"""Planted faults: each is found by the rule that it breaks, in both syntaxes."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, NamedTuple

import pytest

from billing.documents.en16931 import ruling
from billing.documents.en16931.rules import Fault, Rules
from billing.documents.en16931.writing import written
from rating.errors import UserError
from tests.billing.documents.en16931.cases import document, line

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
# 100.00 and 50.00 at 19 %, 10.00 exempt, an allowance of 20.00 at 19 %: 140.00 net, 24.70 tax, 164.70 in all.
MADE = document([line(1, 10_000), line(2, 5_000), line(3, 1_000, "E", 0), line(4, -2_000, role="allowance")])


class Planted(NamedTuple):
    """A fault: the text that is replaced in each syntax, and the rules one of which finds it."""

    name: str
    ubl: tuple[str, str]
    cii: tuple[str, str]
    rules: frozenset[str]


def rules_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLANTED = [
    Planted("wrong sum of lines", ('<cbc:LineExtensionAmount currencyID="EUR">160.00', '<cbc:LineExtensionAmount currencyID="EUR">161.00'),
            ("<ram:LineTotalAmount>160.00", "<ram:LineTotalAmount>161.00"), rules_of("BR-CO-10")),
    Planted("wrong net", ('<cbc:TaxExclusiveAmount currencyID="EUR">140.00', '<cbc:TaxExclusiveAmount currencyID="EUR">139.00'),
            ("<ram:TaxBasisTotalAmount>140.00", "<ram:TaxBasisTotalAmount>139.00"), rules_of("BR-CO-13")),
    Planted("wrong tax", ('<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">24.70', '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">24.71'),
            ('<ram:TaxTotalAmount currencyID="EUR">24.70', '<ram:TaxTotalAmount currencyID="EUR">24.71'), rules_of("BR-CO-14 BR-CO-15")),
    Planted("wrong total", ('<cbc:TaxInclusiveAmount currencyID="EUR">164.70', '<cbc:TaxInclusiveAmount currencyID="EUR">164.71'),
            ("<ram:GrandTotalAmount>164.70", "<ram:GrandTotalAmount>164.71"), rules_of("BR-CO-15")),
    Planted("wrong amount due", ('<cbc:PayableAmount currencyID="EUR">164.70', '<cbc:PayableAmount currencyID="EUR">0.00'),
            ("<ram:DuePayableAmount>164.70", "<ram:DuePayableAmount>0.00"), rules_of("BR-CO-16")),
    Planted("wrong allowances", ('<cbc:AllowanceTotalAmount currencyID="EUR">20.00', '<cbc:AllowanceTotalAmount currencyID="EUR">2.00'),
            ("<ram:AllowanceTotalAmount>20.00", "<ram:AllowanceTotalAmount>2.00"), rules_of("BR-CO-11")),
    Planted("no tax id of the seller",
            (("<cac:PartyTaxScheme><cbc:CompanyID>DE136695976</cbc:CompanyID>"
              "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"), ""),
            ('<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">DE136695976</ram:ID></ram:SpecifiedTaxRegistration>', ""),
            rules_of("BR-S-02")),
    Planted("wrong category", ("<cac:ClassifiedTaxCategory><cbc:ID>E<", "<cac:ClassifiedTaxCategory><cbc:ID>Z<"),
            ("<ram:ApplicableTradeTax><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>E<",
             "<ram:ApplicableTradeTax><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>Z<"), rules_of("BR-Z-01 BR-Z-08")),
    Planted("no reason of an exemption", ("<cbc:TaxExemptionReason>Exempt by article 132</cbc:TaxExemptionReason>", ""),
            ("<ram:ExemptionReason>Exempt by article 132</ram:ExemptionReason>", ""), rules_of("BR-E-10")),
    Planted("no name of the buyer", ("<cbc:RegistrationName>City of Bonn</cbc:RegistrationName>", ""),
            ("<ram:Name>City of Bonn</ram:Name>", ""), rules_of("BR-07")),
    Planted("no country of the buyer", (("<cbc:PostalZone>53111</cbc:PostalZone>"
              "<cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country>"), ""),
            ('<ram:CountryID>DE</ram:CountryID></ram:PostalTradeAddress><ram:URIUniversalCommunication><ram:URIID schemeID="0204">',
             '</ram:PostalTradeAddress><ram:URIUniversalCommunication><ram:URIID schemeID="0204">'), rules_of("BR-11 XSD")),
    Planted("unknown currency", ("<cbc:DocumentCurrencyCode>EUR", "<cbc:DocumentCurrencyCode>EUX"),
            ("<ram:InvoiceCurrencyCode>EUR", "<ram:InvoiceCurrencyCode>EUX"), rules_of("BR-CL-04 FX-SCH-A-000595")),
    Planted("an element out of place", ("<cbc:ID>R-0000000001</cbc:ID><cbc:IssueDate>2025-11-01</cbc:IssueDate>",
                                        "<cbc:IssueDate>2025-11-01</cbc:IssueDate><cbc:ID>R-0000000001</cbc:ID>"),
            ("<ram:ID>R-0000000001</ram:ID><ram:TypeCode>380</ram:TypeCode>",
             "<ram:TypeCode>380</ram:TypeCode><ram:ID>R-0000000001</ram:ID>"),
            rules_of("XSD")),
]  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> Iterator[Rules]:
    """The official rules, compiled once."""
    with Rules() as found:
        yield found


@pytest.mark.parametrize("planted", PLANTED, ids=[each.name for each in PLANTED])
def test_a_planted_fault_is_found(rules: Rules, planted: Planted) -> None:
    for syntax, (old, new) in (("ubl", planted.ubl), ("cii", planted.cii)):
        xml = written(MADE, syntax).xml.decode()
        assert old in xml, syntax
        found = {each.rule for each in rules.faults(syntax, xml.replace(old, new, 1).encode())}
        assert found & planted.rules, (syntax, found)


def test_files_that_are_none(rules: Rules) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>'
    assert [each.rule for each in rules.faults("ubl", b"<a>")] == ["XML"]
    assert [each.rule for each in rules.faults("ubl", bomb)] == ["XML"]
    assert rules.faults("ubl", b"\xff") == [Fault("XML", "", "the file is not UTF-8", "fatal")]
    assert [each.text for each in rules.faults("cii", written(MADE, "ubl").xml)] == ["Invoice is not a document of cii"]


def test_rules_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert ruling.main() == 1
    assert capsys.readouterr().out == '{"missing": "facturx"}\n'


def test_rules_that_cannot_run_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Rules() as broken:
        monkeypatch.setattr(broken, "_read", lambda: {"failed": "no memory"})
        with pytest.raises(UserError, match="could not be run: no memory"):
            broken.faults("ubl", b"<a/>")
