"""Marks on documents of a practice home: in text the first line, in JSON `"practice": true` as the first field. Others have none."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import Any, Final, Protocol


class Opened(Protocol):
    """A home that is open, or the service in front of one."""

    @property
    def is_practice(self) -> bool:
        """True for a practice home; of a service, by its last answer."""


NOTICES: Final = {
    "en": "PRACTICE: made in a practice home; it is not a bill, and no amount of it is owed",
    "zh": "练习：出自练习环境，不是账单，任何人均无须据此付款",
}


def notice(home: Opened, language: str = "en") -> list[str]:
    """The line that comes before a document of a practice home, in its language; none of an ordinary one."""
    return [NOTICES.get(language.partition("-")[0], NOTICES["en"])] if home.is_practice else []


def say(home: Opened, language: str = "en", *, as_json: bool = False) -> None:
    """Print the line, unless the output is JSON."""
    for text in () if as_json else notice(home, language):
        print(text)


def marked(home: Opened, document: object) -> Any:  # noqa: ANN401 -- what JSON can hold
    """A document, or a list of them, for JSON."""
    if not home.is_practice:
        return document
    import msgspec

    plain = msgspec.to_builtins(document)
    return [{"practice": True, **each} for each in plain] if isinstance(plain, list) else {"practice": True, **plain}
