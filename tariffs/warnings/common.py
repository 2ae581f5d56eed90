"""The shape of a warning, and what several of them ask of a catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tariffs.documents.document import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue, Plan, Service, UsageRule
    from tariffs.documents.document import Place


class Warning(NamedTuple):  # noqa: A001 -- what it is called everywhere; nothing here asks for Python's own
    """Something that is allowed and yet probably not meant. `code` is the name under which it is reported."""

    code: str
    finding: Finding


def warning(code: str, place: Place, message: str, remedy: str) -> Warning:
    """A warning of its parts."""
    return Warning(code, Finding(place, message, remedy))


def written_plans(catalogue: Catalogue) -> Iterator[tuple[int, Plan]]:
    """Plans as they are in the document, with their index; those made of a plan and add-ons say nothing new about rules."""
    return ((index, plan) for index, plan in enumerate(catalogue.plans) if plan.base is None)


def what(rule: UsageRule) -> str:
    """The usage that a rule is for, such as "voice to `far`"."""
    return f"{service_word(rule.service)} to {'anywhere' if rule.zone == '*' else f'`{rule.zone}`'}"


def service_word(service: Service) -> str:
    """The word of the language for a service."""
    return service.name.lower()
