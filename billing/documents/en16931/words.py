"""Texts that the writers add to a document, in the language of the document, else in English. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_WORDS: Final = MappingProxyType(
    {
        "en": {
            "credited": "This amount is credited to your account.",
            "corrects": "Corrects {number}",
            "late": "Charged late",
            "third_party": "Collected for {provider}, not part of this invoice: {amount} {currency}. {contact}",
            "to_pay": "To pay in all: {amount} {currency}.",
            "user": "User",
            "nothing": "No charge of the issuer",
        },
        "zh": {
            "credited": "此金额记入您的账户。",
            "corrects": "更正 {number}",
            "late": "补收费用",
            "third_party": "代收费，{provider}，不属于本发票：{amount} {currency}。{contact}",  # noqa: RUF001 -- signs of Chinese
            "to_pay": "应付总额：{amount} {currency}。",  # noqa: RUF001 -- as above
            "user": "使用人",
            "nothing": "无本公司费用",
        },
        "de": {
            "credited": "Dieser Betrag wird Ihrem Konto gutgeschrieben.",
            "corrects": "Berichtigt {number}",
            "late": "Nachberechnet",
            "third_party": "Eingezogen für {provider}, nicht Teil dieser Rechnung: {amount} {currency}. {contact}",
            "to_pay": "Insgesamt zu zahlen: {amount} {currency}.",
            "user": "Nutzer",
            "nothing": "Keine Entgelte des Rechnungsstellers",
        },
    }
)
LANGUAGES: Final = tuple(_WORDS)


def say(language: str, word: str, **values: str) -> str:
    """A text in a language such as zh or de-AT."""
    own = _WORDS.get(language.partition("-")[0], _WORDS["en"])
    return own[word].format(**values).strip()
