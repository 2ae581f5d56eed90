"""UN/CEFACT CII D16B: a CrossIndustryInvoice, as EN 16931-3-3 maps the terms of the norm; the profile EN 16931 of Factur-X too. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from billing.documents.en16931.norm import OUTSIDE, percent, quantity_text
from billing.documents.en16931.norm import decimal as decimal_text
from billing.documents.en16931.trees import Tree

if TYPE_CHECKING:
    import datetime as dt
    from xml.etree.ElementTree import Element

    from billing.accounts.parties.kinds import Address, BankAccount, Contact, ElectronicAddress
    from billing.documents.en16931.norm import Norm, NormLine
    from billing.documents.semantic.model import Days, TaxCategory

_NAMES: Final = "urn:un:unece:uncefact:data:standard:"
_ATTACHED: Final = "916"  # BG-24
_OBJECT: Final = "130"  # BT-128


class _Writer:
    """One document in the making."""

    def __init__(self, norm: Norm) -> None:
        self.norm = norm
        spaces = {"rsm": f"{_NAMES}CrossIndustryInvoice:100", "ram": f"{_NAMES}ReusableAggregateBusinessInformationEntity:100"}
        spaces |= {"qdt": f"{_NAMES}QualifiedDataType:100", "udt": f"{_NAMES}UnqualifiedDataType:100"}
        self.tree = Tree("rsm:CrossIndustryInvoice", spaces)

    def amount(self, parent: Element, name: str, micros: int) -> None:
        self.tree.text(parent, f"ram:{name}", self.norm.amount(micros))

    def date(self, parent: Element, path: str, day: dt.date) -> None:
        self.tree.text(parent, path, day.strftime("%Y%m%d"), format="102")

    def head(self) -> None:
        norm, source, text = self.norm, self.norm.source, self.tree.text
        context = self.tree.group(self.tree.root, "rsm:ExchangedDocumentContext")
        text(context, "ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID", norm.profile.process)
        text(context, "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID", norm.profile.customization)
        document = self.tree.group(self.tree.root, "rsm:ExchangedDocument")
        text(document, "ram:ID", source.number)
        text(document, "ram:TypeCode", norm.type_code)
        self.date(document, "ram:IssueDateTime/udt:DateTimeString", source.issued_on)
        for note in norm.notes:
            text(document, "ram:IncludedNote/ram:Content", note)

    def line(self, parent: Element, line: NormLine) -> None:
        text, group = self.tree.text, self.tree.group
        own = group(parent, "ram:IncludedSupplyChainTradeLineItem")
        document = group(own, "ram:AssociatedDocumentLineDocument")
        text(document, "ram:LineID", line.line_id)
        text(document, "ram:IncludedNote/ram:Content", line.note)
        product = group(own, "ram:SpecifiedTradeProduct")
        text(product, "ram:SellerAssignedID", line.item_id)
        text(product, "ram:Name", line.name)
        for label, value in line.attributes:
            attribute = group(product, "ram:ApplicableProductCharacteristic")
            text(attribute, "ram:Description", label)
            text(attribute, "ram:Value", value)
        price = group(group(own, "ram:SpecifiedLineTradeAgreement"), "ram:NetPriceProductTradePrice")
        self.amount(price, "ChargeAmount", line.price.micros)
        if line.price.base != 1:
            text(price, "ram:BasisQuantity", str(line.price.base), unitCode=line.price.unit)
        quantity = quantity_text(line.price.quantity)
        text(group(own, "ram:SpecifiedLineTradeDelivery"), "ram:BilledQuantity", quantity, unitCode=line.price.unit)
        settlement = group(own, "ram:SpecifiedLineTradeSettlement")
        self.category(settlement, "ram:ApplicableTradeTax", line.category, line.rate_ppm)
        self.period(settlement, line.days)
        self.amount(group(settlement, "ram:SpecifiedTradeSettlementLineMonetarySummation"), "LineTotalAmount", line.net_micros)
        if line.object_id:
            reference = group(settlement, "ram:AdditionalReferencedDocument")
            text(reference, "ram:IssuerAssignedID", line.object_id)
            text(reference, "ram:TypeCode", _OBJECT)

    def agreement(self, parent: Element) -> None:
        text, group, source = self.tree.text, self.tree.group, self.norm.source
        seller, buyer = source.seller, source.buyer
        own = group(parent, "ram:ApplicableHeaderTradeAgreement")
        text(own, "ram:BuyerReference", buyer.references.buyer_reference)
        party = group(own, "ram:SellerTradeParty")
        text(party, "ram:Name", seller.name)
        text(party, "ram:Description", ", ".join(each for each in (seller.legal_information, seller.register_court) if each))
        self.organization(party, seller.register_id or seller.uscc, seller.trading_name)
        self.contact(party, seller.contact)
        self.address(party, seller.address)
        self.electronic(party, seller.electronic_address)
        if not self.norm.is_outside:
            text(party, "ram:SpecifiedTaxRegistration/ram:ID", seller.vat_id, schemeID="VA")
        text(party, "ram:SpecifiedTaxRegistration/ram:ID", seller.tax_number or seller.uscc, schemeID="FC")
        party = group(own, "ram:BuyerTradeParty")
        text(party, "ram:ID", buyer.account_id)
        text(party, "ram:Name", buyer.name)
        self.organization(party, buyer.register_id or buyer.uscc, buyer.trading_name)
        self.contact(party, buyer.contact)
        self.address(party, buyer.address)
        self.electronic(party, buyer.electronic_address)
        if not self.norm.is_outside:
            text(party, "ram:SpecifiedTaxRegistration/ram:ID", buyer.vat_id, schemeID="VA")
        text(own, "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID", buyer.references.purchase_order)
        text(own, "ram:ContractReferencedDocument/ram:IssuerAssignedID", buyer.references.contract)
        for file in self.norm.attachments:
            reference = group(own, "ram:AdditionalReferencedDocument")
            text(reference, "ram:IssuerAssignedID", file.name)
            text(reference, "ram:TypeCode", _ATTACHED)
            text(reference, "ram:Name", file.description)
            data = base64.b64encode(file.data).decode()
            text(reference, "ram:AttachmentBinaryObject", data, mimeCode=file.mime, filename=file.name)
        if buyer.references.project:
            project = group(own, "ram:SpecifiedProcuringProject")
            text(project, "ram:ID", buyer.references.project)
            text(project, "ram:Name", "Project reference")

    def organization(self, party: Element, number: str, trading_name: str) -> None:
        own = self.tree.group(party, "ram:SpecifiedLegalOrganization")
        self.tree.text(own, "ram:ID", number)
        self.tree.text(own, "ram:TradingBusinessName", trading_name)

    def contact(self, party: Element, contact: Contact | None) -> None:
        if contact is not None:
            own = self.tree.group(party, "ram:DefinedTradeContact")
            self.tree.text(own, "ram:PersonName", contact.person)
            self.tree.text(own, "ram:TelephoneUniversalCommunication/ram:CompleteNumber", contact.phone)
            self.tree.text(own, "ram:EmailURIUniversalCommunication/ram:URIID", contact.email)

    def address(self, party: Element, address: Address | None) -> None:
        if address is None:
            return
        own, text = self.tree.group(party, "ram:PostalTradeAddress"), self.tree.text
        text(own, "ram:PostcodeCode", address.postal_code)
        text(own, "ram:LineOne", f"{address.street} {address.building}".strip() or address.post_box)
        text(own, "ram:LineTwo", address.extra)
        text(own, "ram:LineThree", address.district)
        text(own, "ram:CityName", address.city)
        text(own, "ram:CountryID", address.country)
        text(own, "ram:CountrySubDivisionName", address.region)

    def electronic(self, party: Element, address: ElectronicAddress | None) -> None:
        if address is not None:
            self.tree.text(party, "ram:URIUniversalCommunication/ram:URIID", address.address, schemeID=address.scheme)

    def delivery(self, parent: Element) -> None:
        own = self.tree.group(parent, "ram:ApplicableHeaderTradeDelivery")
        buyer = self.norm.source.buyer
        place = buyer.service_address or (buyer.address if any(each.category == "K" for each in self.norm.taxes) else None)
        if place is not None:
            self.address(self.tree.group(own, "ram:ShipToTradeParty"), place)
        else:  # CII wants the element, and rules warn of an empty one: the last day of the period (BT-72)
            last = self.norm.source.period.last
            self.date(own, "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime/udt:DateTimeString", last)

    def settlement(self, parent: Element) -> None:
        norm, source, text, group = self.norm, self.norm.source, self.tree.text, self.tree.group
        own = group(parent, "ram:ApplicableHeaderTradeSettlement")
        mandate = source.payment.mandate
        text(own, "ram:CreditorReferenceID", mandate.creditor_id if mandate is not None else "")
        text(own, "ram:PaymentReference", source.payment.reference if norm.means else "")
        text(own, "ram:TaxCurrencyCode", norm.tax_currency.currency if norm.tax_currency is not None else "")
        text(own, "ram:InvoiceCurrencyCode", source.currency)
        self.means(own)
        for tax in norm.taxes:
            row = group(own, "ram:ApplicableTradeTax")
            self.amount(row, "CalculatedAmount", tax.tax_micros)
            text(row, "ram:TypeCode", "VAT")
            text(row, "ram:ExemptionReason", tax.reason)
            self.amount(row, "BasisAmount", tax.taxable_micros)
            text(row, "ram:CategoryCode", tax.category)
            text(row, "ram:ExemptionReasonCode", tax.reason_code)
            if tax.category != OUTSIDE:
                text(row, "ram:RateApplicablePercent", percent(tax.rate_ppm))
        self.period(own, norm.period)
        for part in norm.parts:
            row = group(own, "ram:SpecifiedTradeAllowanceCharge")
            text(row, "ram:ChargeIndicator/udt:Indicator", "true" if part.is_charge else "false")
            self.amount(row, "ActualAmount", part.micros)
            text(row, "ram:Reason", part.reason)
            self.category(row, "ram:CategoryTradeTax", part.category, part.rate_ppm)
        terms = group(own, "ram:SpecifiedTradePaymentTerms")
        text(terms, "ram:Description", norm.terms)
        if norm.due_on is not None:
            self.date(terms, "ram:DueDateDateTime/udt:DateTimeString", norm.due_on)
        text(terms, "ram:DirectDebitMandateID", mandate.reference if mandate is not None else "")
        self.sums(group(own, "ram:SpecifiedTradeSettlementHeaderMonetarySummation"))
        for each in source.preceding:
            reference = group(own, "ram:InvoiceReferencedDocument")
            text(reference, "ram:IssuerAssignedID", each.number)
            self.date(reference, "ram:FormattedIssueDateTime/qdt:DateTimeString", each.issued_on)
        text(own, "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID", source.buyer.references.accounting)

    def means(self, parent: Element) -> None:
        norm, payment, text = self.norm, self.norm.source.payment, self.tree.text
        usable = [each for each in payment.accounts if each.iban or each.number]
        accounts: list[BankAccount | None] = [*usable] if norm.means in {"30", "58"} else [None]
        for account in accounts if norm.means else ():
            own = self.tree.group(parent, "ram:SpecifiedTradeSettlementPaymentMeans")
            text(own, "ram:TypeCode", norm.means)
            if payment.mandate is not None:
                text(own, "ram:PayerPartyDebtorFinancialAccount/ram:IBANID", payment.mandate.iban)
            if account is not None:
                payee = self.tree.group(own, "ram:PayeePartyCreditorFinancialAccount")
                text(payee, "ram:IBANID", account.iban)
                text(payee, "ram:AccountName", account.holder)
                text(payee, "ram:ProprietaryID", "" if account.iban else account.number)
                text(own, "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID", account.bic)

    def sums(self, own: Element) -> None:
        sums, norm, text = self.norm.sums, self.norm, self.tree.text
        self.amount(own, "LineTotalAmount", sums.lines_micros)
        if sums.charges_micros:
            self.amount(own, "ChargeTotalAmount", sums.charges_micros)
        if sums.allowances_micros:
            self.amount(own, "AllowanceTotalAmount", sums.allowances_micros)
        self.amount(own, "TaxBasisTotalAmount", sums.net_micros)
        text(own, "ram:TaxTotalAmount", norm.amount(sums.tax_micros), currencyID=norm.source.currency)
        if norm.tax_currency is not None:
            other = decimal_text(norm.tax_currency.tax_micros, 2)
            text(own, "ram:TaxTotalAmount", other, currencyID=norm.tax_currency.currency)
        if sums.rounding_micros:
            self.amount(own, "RoundingAmount", sums.rounding_micros)
        self.amount(own, "GrandTotalAmount", sums.total_micros)
        if sums.prepaid_micros:
            self.amount(own, "TotalPrepaidAmount", sums.prepaid_micros)
        self.amount(own, "DuePayableAmount", sums.due_micros)

    def category(self, parent: Element, name: str, category: TaxCategory, rate_ppm: int) -> None:
        own = self.tree.group(parent, name)
        self.tree.text(own, "ram:TypeCode", "VAT")
        self.tree.text(own, "ram:CategoryCode", category)
        if category != OUTSIDE:
            self.tree.text(own, "ram:RateApplicablePercent", percent(rate_ppm))

    def period(self, parent: Element, days: Days) -> None:
        own = self.tree.group(parent, "ram:BillingSpecifiedPeriod")
        self.date(own, "ram:StartDateTime/udt:DateTimeString", days.first)
        self.date(own, "ram:EndDateTime/udt:DateTimeString", days.last)


def write(norm: Norm) -> Tree:
    """A document in CII D16B."""
    writer = _Writer(norm)
    writer.head()
    transaction = writer.tree.group(writer.tree.root, "rsm:SupplyChainTradeTransaction")
    for line in norm.lines:
        writer.line(transaction, line)
    writer.agreement(transaction)
    writer.delivery(transaction)
    writer.settlement(transaction)
    return writer.tree
