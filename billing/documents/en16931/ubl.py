"""UBL 2.1: an Invoice or a CreditNote, as EN 16931-3-2 maps the terms of the norm. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from billing.documents.en16931.norm import OUTSIDE, percent, quantity_text
from billing.documents.en16931.norm import decimal as decimal_text
from billing.documents.en16931.trees import Tree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from billing.accounts.parties.kinds import Address, BankAccount, Contact
    from billing.documents.en16931.norm import Norm, NormLine
    from billing.documents.semantic.model import Days, TaxCategory

_NAMESPACE: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_OBJECT: Final = "130"  # BT-128: a reference to what is invoiced
_PROJECT: Final = "50"  # BT-11 of a credit note


class _Writer:
    """One document in the making."""

    def __init__(self, norm: Norm) -> None:
        self.norm = norm
        self.kind = "CreditNote" if norm.is_credit_note else "Invoice"
        spaces = {"": f"{_NAMESPACE}{self.kind}-2"}
        spaces |= {"cac": f"{_NAMESPACE}CommonAggregateComponents-2", "cbc": f"{_NAMESPACE}CommonBasicComponents-2"}
        self.tree = Tree(self.kind, spaces)

    def amount(self, parent: Element, path: str, micros: int) -> None:
        self.tree.text(parent, path, self.norm.amount(micros), currencyID=self.norm.source.currency)

    def head(self) -> None:
        norm, source, root, text = self.norm, self.norm.source, self.tree.root, self.tree.text
        text(root, "cbc:CustomizationID", norm.profile.customization)
        text(root, "cbc:ProfileID", norm.profile.process)
        text(root, "cbc:ID", source.number)
        text(root, "cbc:IssueDate", source.issued_on.isoformat())
        if norm.due_on is not None and not norm.is_credit_note:
            text(root, "cbc:DueDate", norm.due_on.isoformat())
        text(root, f"cbc:{self.kind}TypeCode", norm.type_code)
        for note in norm.notes:
            text(root, "cbc:Note", note)
        text(root, "cbc:DocumentCurrencyCode", source.currency)
        if norm.tax_currency is not None:
            text(root, "cbc:TaxCurrencyCode", norm.tax_currency.currency)
        references = source.buyer.references
        text(root, "cbc:AccountingCost", references.accounting)
        text(root, "cbc:BuyerReference", references.buyer_reference)
        self.period(root, norm.period)
        text(root, "cac:OrderReference/cbc:ID", references.purchase_order)
        for each in source.preceding:
            preceding = self.tree.group(self.tree.group(root, "cac:BillingReference"), "cac:InvoiceDocumentReference")
            text(preceding, "cbc:ID", each.number)
            text(preceding, "cbc:IssueDate", each.issued_on.isoformat())
        text(root, "cac:ContractDocumentReference/cbc:ID", references.contract)
        if references.project and norm.is_credit_note:
            project = self.tree.group(root, "cac:AdditionalDocumentReference")
            text(project, "cbc:ID", references.project)
            text(project, "cbc:DocumentTypeCode", _PROJECT)
        for file in norm.attachments:
            reference = self.tree.group(root, "cac:AdditionalDocumentReference")
            text(reference, "cbc:ID", file.name)
            text(reference, "cbc:DocumentDescription", file.description)
            data = base64.b64encode(file.data).decode()
            text(reference, "cac:Attachment/cbc:EmbeddedDocumentBinaryObject", data, mimeCode=file.mime, filename=file.name)
        if not norm.is_credit_note:
            text(root, "cac:ProjectReference/cbc:ID", references.project)

    def period(self, parent: Element, days: Days) -> None:
        group = self.tree.group(parent, "cac:InvoicePeriod")
        self.tree.text(group, "cbc:StartDate", days.first.isoformat())
        self.tree.text(group, "cbc:EndDate", days.last.isoformat())

    def seller(self) -> None:
        seller, text = self.norm.source.seller, self.tree.text
        party = self.tree.group(self.tree.group(self.tree.root, "cac:AccountingSupplierParty"), "cac:Party")
        if seller.electronic_address is not None:
            text(party, "cbc:EndpointID", seller.electronic_address.address, schemeID=seller.electronic_address.scheme)
        if self.norm.source.payment.mandate is not None:
            text(party, "cac:PartyIdentification/cbc:ID", self.norm.source.payment.mandate.creditor_id, schemeID="SEPA")
        text(party, "cac:PartyName/cbc:Name", seller.trading_name)
        self.address(party, "cac:PostalAddress", seller.address)
        if not self.norm.is_outside:
            self.tax_id(party, seller.vat_id, "VAT")
        self.tax_id(party, seller.tax_number or seller.uscc, "FC")
        entity = self.tree.group(party, "cac:PartyLegalEntity")
        text(entity, "cbc:RegistrationName", seller.name)
        text(entity, "cbc:CompanyID", seller.register_id or seller.uscc)
        text(entity, "cbc:CompanyLegalForm", ", ".join(each for each in (seller.legal_information, seller.register_court) if each))
        self.contact(party, seller.contact)

    def buyer(self) -> None:
        buyer, text = self.norm.source.buyer, self.tree.text
        party = self.tree.group(self.tree.group(self.tree.root, "cac:AccountingCustomerParty"), "cac:Party")
        if buyer.electronic_address is not None:
            text(party, "cbc:EndpointID", buyer.electronic_address.address, schemeID=buyer.electronic_address.scheme)
        text(party, "cac:PartyIdentification/cbc:ID", buyer.account_id)
        text(party, "cac:PartyName/cbc:Name", buyer.trading_name)
        self.address(party, "cac:PostalAddress", buyer.address)
        if not self.norm.is_outside:
            self.tax_id(party, buyer.vat_id, "VAT")
        entity = self.tree.group(party, "cac:PartyLegalEntity")
        text(entity, "cbc:RegistrationName", buyer.name)
        text(entity, "cbc:CompanyID", buyer.register_id or buyer.uscc)
        self.contact(party, buyer.contact)
        place = buyer.service_address or (buyer.address if any(each.category == "K" for each in self.norm.taxes) else None)
        if place is not None:
            location = self.tree.group(self.tree.group(self.tree.root, "cac:Delivery"), "cac:DeliveryLocation")
            self.address(location, "cac:Address", place)

    def tax_id(self, party: Element, number: str, scheme: str) -> None:
        if number:
            group = self.tree.group(party, "cac:PartyTaxScheme")
            self.tree.text(group, "cbc:CompanyID", number)
            self.tree.text(group, "cac:TaxScheme/cbc:ID", scheme)

    def address(self, parent: Element, name: str, address: Address | None) -> None:
        if address is None:
            return
        group, text = self.tree.group(parent, name), self.tree.text
        text(group, "cbc:StreetName", f"{address.street} {address.building}".strip() or address.post_box)
        text(group, "cbc:AdditionalStreetName", address.extra)
        text(group, "cbc:CityName", address.city)
        text(group, "cbc:PostalZone", address.postal_code)
        text(group, "cbc:CountrySubentity", address.region)
        text(group, "cac:AddressLine/cbc:Line", address.district)
        text(group, "cac:Country/cbc:IdentificationCode", address.country)

    def contact(self, party: Element, contact: Contact | None) -> None:
        if contact is not None:
            group = self.tree.group(party, "cac:Contact")
            self.tree.text(group, "cbc:Name", contact.person)
            self.tree.text(group, "cbc:Telephone", contact.phone)
            self.tree.text(group, "cbc:ElectronicMail", contact.email)

    def payment(self) -> None:
        norm, payment, root, text = self.norm, self.norm.source.payment, self.tree.root, self.tree.text
        usable = [each for each in payment.accounts if each.iban or each.number]
        accounts: list[BankAccount | None] = [*usable] if norm.means in {"30", "58"} else [None]
        for account in accounts if norm.means else ():
            means = self.tree.group(root, "cac:PaymentMeans")
            text(means, "cbc:PaymentMeansCode", norm.means)
            text(means, "cbc:PaymentID", payment.reference)
            if account is not None:
                group = self.tree.group(means, "cac:PayeeFinancialAccount")
                text(group, "cbc:ID", account.iban or account.number)
                text(group, "cbc:Name", account.holder)
                text(group, "cac:FinancialInstitutionBranch/cbc:ID", account.bic)
            if payment.mandate is not None:
                group = self.tree.group(means, "cac:PaymentMandate")
                text(group, "cbc:ID", payment.mandate.reference)
                text(group, "cac:PayerFinancialAccount/cbc:ID", payment.mandate.iban)
        text(root, "cac:PaymentTerms/cbc:Note", norm.terms)

    def sums(self) -> None:
        norm, root, text, sums = self.norm, self.tree.root, self.tree.text, self.norm.sums
        for part in norm.parts:
            group = self.tree.group(root, "cac:AllowanceCharge")
            text(group, "cbc:ChargeIndicator", "true" if part.is_charge else "false")
            text(group, "cbc:AllowanceChargeReason", part.reason)
            self.amount(group, "cbc:Amount", part.micros)
            self.category(group, "cac:TaxCategory", part.category, part.rate_ppm)
        total = self.tree.group(root, "cac:TaxTotal")
        self.amount(total, "cbc:TaxAmount", sums.tax_micros)
        for tax in norm.taxes:
            row = self.tree.group(total, "cac:TaxSubtotal")
            self.amount(row, "cbc:TaxableAmount", tax.taxable_micros)
            self.amount(row, "cbc:TaxAmount", tax.tax_micros)
            self.category(row, "cac:TaxCategory", tax.category, tax.rate_ppm, (tax.reason_code, tax.reason))
        if norm.tax_currency is not None:
            other = self.tree.group(root, "cac:TaxTotal")
            text(other, "cbc:TaxAmount", decimal_text(norm.tax_currency.tax_micros, 2), currencyID=norm.tax_currency.currency)
        group = self.tree.group(root, "cac:LegalMonetaryTotal")
        self.amount(group, "cbc:LineExtensionAmount", sums.lines_micros)
        self.amount(group, "cbc:TaxExclusiveAmount", sums.net_micros)
        self.amount(group, "cbc:TaxInclusiveAmount", sums.total_micros)
        for name, micros in (
            ("AllowanceTotalAmount", sums.allowances_micros),
            ("ChargeTotalAmount", sums.charges_micros),
            ("PrepaidAmount", sums.prepaid_micros),
            ("PayableRoundingAmount", sums.rounding_micros),
        ):
            if micros:
                self.amount(group, f"cbc:{name}", micros)
        self.amount(group, "cbc:PayableAmount", sums.due_micros)

    def category(self, parent: Element, name: str, category: TaxCategory, rate_ppm: int, reason: tuple[str, str] = ("", "")) -> None:
        group, text = self.tree.group(parent, name), self.tree.text
        text(group, "cbc:ID", category)
        if category != OUTSIDE:
            text(group, "cbc:Percent", percent(rate_ppm))
        text(group, "cbc:TaxExemptionReasonCode", reason[0])
        text(group, "cbc:TaxExemptionReason", reason[1])
        text(group, "cac:TaxScheme/cbc:ID", "VAT")

    def line(self, line: NormLine) -> None:
        text = self.tree.text
        group = self.tree.group(self.tree.root, f"cac:{self.kind}Line")
        text(group, "cbc:ID", line.line_id)
        text(group, "cbc:Note", line.note)
        name = "CreditedQuantity" if self.norm.is_credit_note else "InvoicedQuantity"
        text(group, f"cbc:{name}", quantity_text(line.price.quantity), unitCode=line.price.unit)
        self.amount(group, "cbc:LineExtensionAmount", line.net_micros)
        self.period(group, line.days)
        if line.object_id:
            reference = self.tree.group(group, "cac:DocumentReference")
            text(reference, "cbc:ID", line.object_id)
            text(reference, "cbc:DocumentTypeCode", _OBJECT)
        item = self.tree.group(group, "cac:Item")
        text(item, "cbc:Name", line.name)
        text(item, "cac:SellersItemIdentification/cbc:ID", line.item_id)
        self.category(item, "cac:ClassifiedTaxCategory", line.category, line.rate_ppm)
        for label, value in line.attributes:
            attribute = self.tree.group(item, "cac:AdditionalItemProperty")
            text(attribute, "cbc:Name", label)
            text(attribute, "cbc:Value", value)
        price = self.tree.group(group, "cac:Price")
        self.amount(price, "cbc:PriceAmount", line.price.micros)
        if line.price.base != 1:
            text(price, "cbc:BaseQuantity", str(line.price.base), unitCode=line.price.unit)


def write(norm: Norm) -> Tree:
    """A document in UBL 2.1."""
    writer = _Writer(norm)
    writer.head()
    writer.seller()
    writer.buyer()
    writer.payment()
    writer.sums()
    for line in norm.lines:
        writer.line(line)
    return writer.tree
