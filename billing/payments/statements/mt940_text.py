"""Free text of MT940 (`:86:`) in its parts: `?20` fields, words between slashes such as `/EREF/`, or plain text. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from billing.payments.statements import reasons, references
from billing.payments.statements.records import Reference, ReferenceKind

if TYPE_CHECKING:
    from billing.payments.statements.records import Entry, Transaction

TEXT_MAX: Final = 4_096
_FIELDS: Final = re.compile(r"([0-9]{3})?\?[0-9]{2}")
_PARTS: Final = re.compile(r"\?([0-9]{2})([^?]*)")
_PURPOSE: Final = frozenset(f"{number}" for number in (*range(20, 30), *range(60, 64)))
# Words of the SEPA in a purpose: each goes on to the next one.
_SEPA: Final = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP)\+")
_SLASHES: Final = re.compile(
    r"/(EREF|MREF|MARF|CREF|PREF|IREF|RTRN|NAME|IBAN|BIC|REMI|ORDP|BENM|CSID|SVCL|PURP|TRTP|CNTP|CHGS|OCMT|ULTC|ULTD|ISDT|ADDR|ID|TRCD|RREF)/"
)
_NO_ID: Final = frozenset(("NOTPROVIDED", "NONREF", "NOT PROVIDED"))
_CHARGES: Final = frozenset(("805", "806", "807", "808", "809"))  # kinds of a booking, of the German banks
_RETURNS: Final = frozenset(("108", "109", "159", "181", "184"))
_CHARGE_TYPE, _RETURN_TYPE = "CHG", "RTI"
CHARGE_CODE: Final = "CHRG"
RETURN_CODE: Final = "RTRN"
_STRUCTURED: Final = re.compile(r"STRD/CUR/([A-Za-z0-9 ]+)")


def completed(entry: Entry, transaction: Transaction, text: str) -> tuple[Entry, Transaction]:
    """The entry and its transaction with what the text says."""
    joined = "".join(text.split("\n"))
    business_code, parts = _parts(joined)
    purpose = parts.get("SVWZ") or parts.get("REMI") or parts.get("", "")
    if not parts or set(parts) == {""}:
        purpose = " ".join(text.split())
    code = _code(entry, business_code, parts)
    more = " ".join(each for each in (transaction.text, purpose) if each)[:TEXT_MAX]
    found = tuple(references.in_text(more))
    structured = _STRUCTURED.search(parts.get("REMI", ""))
    if structured and not found:
        found = (references.classified(structured[1]),)
    reason = ""
    if code.endswith(RETURN_CODE):
        reason = parts.get("RTRN", "").strip("/ ") or reasons.named_in(joined)
    if not all(reference.text.isprintable() for reference in found):
        found = ()
    return entry._replace(code=code), transaction._replace(
        end_to_end_id=_id(parts.get("EREF", "")) or transaction.end_to_end_id,
        mandate_id=_id(parts.get("MREF", "") or parts.get("MARF", "")),
        reason_code=_id(reason)[:35],
        references=tuple(dict.fromkeys((*transaction.references, *found))),
        text=more,
        party=(parts.get("ABWA") or parts.get("name") or parts.get("NAME", ""))[:TEXT_MAX],
        party_account=_id(parts.get("account") or parts.get("IBAN", ""))[:34],
    )


def _parts(text: str) -> tuple[str, dict[str, str]]:
    """The kind of the booking, and the parts of the text by their word; the empty word is what stands before all."""
    if _FIELDS.match(text):
        return _fields(text)
    if _SLASHES.search(text):
        return "", _worded(text, _SLASHES)
    return "", _worded(text, _SEPA)


def _fields(text: str) -> tuple[str, dict[str, str]]:
    code = text[:3] if text[:3].isdecimal() else ""
    purpose, name, account = [], [], ""
    for number, words in _PARTS.findall(text):
        if number in _PURPOSE:
            purpose.append(words)
        elif number in {"32", "33"}:
            name.append(words)
        elif number == "31":
            account = words
    parts = _worded("".join(purpose), _SEPA)
    if any(name):
        parts["name"] = "".join(name).strip()
    if account.strip():
        parts["account"] = account.strip()
    return code, parts


def _worded(text: str, words: re.Pattern[str]) -> dict[str, str]:
    parts: dict[str, str] = {}
    at, word = 0, ""
    for found in words.finditer(text):
        parts.setdefault(word, text[at : found.start()].strip())
        at, word = found.end(), found[1]
    parts.setdefault(word, text[at:].strip())
    return parts


def _code(entry: Entry, business_code: str, parts: dict[str, str]) -> str:
    """The kind of transaction, with a mark behind it where it is a charge or a return."""
    told = "/".join(each for each in (entry.code, business_code) if each)
    if not entry.is_credit and (entry.code[1:] == _CHARGE_TYPE or business_code in _CHARGES):
        return f"{told}/{CHARGE_CODE}"
    if entry.code[1:] == _RETURN_TYPE or business_code in _RETURNS or "RTRN" in parts:
        return f"{told}/{RETURN_CODE}"
    return told


def _id(text: str) -> str:
    text = text.strip("/ ")
    return "" if text in _NO_ID or not text.isprintable() else text


__all__ = ["CHARGE_CODE", "RETURN_CODE", "Reference", "ReferenceKind", "completed"]
