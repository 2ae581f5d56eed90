"""The tariff sheet of a plan: the version that is meant, the sheet as parts, and the sheet as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rating.dates import local_date
from rating.errors import NotFoundError, UserError
from rating.model import Catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.store.home import Home
    from rating.model import Plan
    from tariffs.sheets.layout import Sheet

TEXT, HTML, PDF, JSON = "text", "html", "pdf", "json"


class Rendered(NamedTuple):
    """A sheet as a file. `price_count`: how many prices are on it."""

    title: str
    price_count: int
    content: bytes


class Wanted(NamedTuple):
    """A plan as users name it. `number` is empty where the version follows from the date."""

    identity: str
    number: str
    plan: str

    @property
    def catalogue(self) -> str:
        """The catalogue, with its version where it is named."""
        return f"{self.identity}@{self.number}" if self.number else self.identity


class Chosen(NamedTuple):
    """Versions of one catalogue, those that follow among them, and the plan that is wanted."""

    versions: list[Catalogue]
    wanted: Wanted

    @property
    def timezone(self) -> str:
        """The clock on which dates are meant."""
        return self.versions[0].timezone


def parse(text: str) -> Wanted:
    """The plan that a text such as mobile/smart-m or mobile@2/smart-m names."""
    identity, slash, plan_name = text.partition("/")
    if not slash:
        raise UserError(f'"{text}" names no plan', "write catalogue and plan, such as mobile/smart-m", exit_status=2)
    identity, _, number = identity.partition("@")
    return Wanted(identity, number, plan_name)


def of_home(home: Home, wanted: Wanted) -> Sequence[Catalogue]:
    """The versions of a home among which the wanted one is: those that price, or a draft by its number."""
    from billing import catalogue as store
    from server.actions import catalogues

    pricing = store.in_force(home)
    if wanted.number and all((each.identity, str(each.version)) != wanted[:2] for each in pricing):
        return [catalogues.named(home, wanted.catalogue)]  # a draft, or a version that prices nothing any more
    return pricing


def choose(found: Sequence[Catalogue], wanted: Wanted) -> Chosen:
    """The versions of the wanted catalogue. Raises NotFoundError where there is none."""
    versions = [each for each in found if each.identity == wanted.identity]
    if not versions or (wanted.number and all(str(each.version) != wanted.number for each in versions)):
        known = sorted({f"{each.identity}@{each.version}" for each in found if each.version > 0})
        remedy = f"there are {', '.join(known)}" if known else "publish it, or give --catalog PATH"
        raise NotFoundError(f'there is no catalogue "{wanted.catalogue}"', remedy)
    return Chosen(versions, wanted)


def make(chosen: Chosen, language: str, at_us: int, *, coming: bool = False) -> Sheet:
    """The sheet as of an instant, or the nearest one at which the version is valid. `coming`: the first one where none is in force yet."""
    from tariffs.sheets import content

    catalogue = _version(chosen.versions, chosen.wanted.number, at_us, coming=coming)
    as_of = local_date(_within(catalogue, at_us), catalogue.timezone)
    return content.sheet(catalogue, _plan(catalogue, chosen.wanted.plan), language, as_of=as_of)


def render(made: Sheet, form: str) -> Rendered:
    """The sheet as a file: text and HTML in UTF-8."""
    import msgspec

    from tariffs.sheets import html, pdf, text

    makers: dict[str, Callable[[Sheet], bytes]] = {
        PDF: pdf.render,
        HTML: lambda each: html.page(each).encode(),
        JSON: msgspec.json.encode,
        TEXT: lambda each: "\n".join([*text.lines(each), ""]).encode(),
    }
    return Rendered(made.title, len(made.cells), makers[form](made))


def _version(versions: Sequence[Catalogue], number: str, at_us: int, *, coming: bool) -> Catalogue:
    """The version of that number, else the one in force at an instant; with the instant at which it ends or another one follows."""
    import msgspec

    ordered = sorted(versions, key=lambda each: each.effective_from_us)
    begun = [each for each in ordered if (str(each.version) == number if number else each.effective_from_us <= at_us)]
    if len(ordered) == 1 or (coming and not begun):
        begun = ordered[:1]
    if not begun or begun[-1].version < 0:
        begins = local_date(ordered[0].effective_from_us, ordered[0].timezone)
        raise NotFoundError(f"no version of {ordered[0].identity} is in force then", f"name another date: the first begins on {begins}")
    found = begun[-1]
    ends = [each.effective_from_us for each in ordered[ordered.index(found) + 1 :]]
    ends += [] if found.effective_to_us is None else [found.effective_to_us]
    return msgspec.structs.replace(found, effective_to_us=min(ends, default=None))


def _within(catalogue: Catalogue, at_us: int) -> int:
    """The instant, or the nearest one at which the version is valid."""
    end_us = catalogue.effective_to_us
    return max(catalogue.effective_from_us, at_us if end_us is None else min(at_us, end_us - 1))


def _plan(catalogue: Catalogue, name: str) -> Plan:
    found = next((each for each in catalogue.plans if each.name == name), None)
    if found is None:
        names = ", ".join(f"{catalogue.identity}/{each.name}" for each in catalogue.plans)
        raise NotFoundError(f'{catalogue.identity}@{catalogue.version} has no plan "{name}"', f"it has {names}")
    return found
