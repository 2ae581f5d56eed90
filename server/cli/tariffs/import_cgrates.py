"""`ratewright tariffs import-cgrates`: catalogues from a CGRateS tariff plan folder, and a list of everything that is not as it was."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.errors import UserError
from server.cli.homes import AsJson  # noqa: TC001 -- the same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rating.model import Catalogue, Service
    from tariffs.cgrates.carried import Listed
    from tariffs.cgrates.translation import Translated

LISTED_SHOWN = 50


def import_cgrates(
    folder: Annotated[Path, Parameter(name="DIR")],
    /,
    *,
    into: Path,
    currency: str,
    timezone: str,
    identity: str = "cgrates",
    service: Annotated[list[str] | None, Parameter(negative="")] = None,
    fallback_depth: int = 3,
    strict: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
) -> int:
    """Read a CGRateS tariff plan and write catalogues of it, one folder for each activation time; nothing is stored.

    Parameters
    ----------
    folder
        Folder with Timings.csv, Destinations.csv, Rates.csv, DestinationRates.csv, RatingPlans.csv and RatingProfiles.csv.
    into
        New folder to write into.
    currency
        Currency of the amounts, such as EUR.
    timezone
        Time zone of the times of day, such as Europe/Berlin.
    identity
        Identity of the catalogues.
    service
        Service of a category, such as 0=voice; may be repeated. For others the name or the rates decide.
    fallback_depth
        Depth of fallback subjects, the first subject included, as set in CGRateS.
    strict
        Exit with status 1 where anything was not carried over.
    as_json
        Print JSON.

    """
    from server.actions.tariffs.figures import figures, summary
    from server.cli import output
    from tariffs.cgrates.reading import read
    from tariffs.cgrates.translation import SERVICE_OF_CATEGORY, Settings, translate
    from tariffs.cgrates.writing import write

    if fallback_depth < 1:
        raise UserError(f"a fallback depth of {fallback_depth}", "write 1 or more: the subject itself is the first")
    settings = Settings(currency, timezone, identity, {**SERVICE_OF_CATEGORY, **_services(service or [])}, fallback_depth)
    translated = translate(read(folder), settings)
    catalogues = write(translated, into)
    if as_json:
        listed = [each._asdict() for each in translated.not_carried]
        plans = [{**key._asdict(), "plan": f"{identity}/{name}"} for key, name in translated.plans.items()]
        told = {
            "catalogues": [summary(figures(each)) for each in catalogues],
            "subjects": plans,
            "assumed": translated.assumed,
            "not_carried": listed,
        }
        output.print_json(told)
    else:
        print("\n".join(_lines(catalogues, translated, into)))
    return int(strict and bool(translated.not_carried))


def _services(texts: Sequence[str]) -> Mapping[str, Service]:
    """Categories that the caller says what they are."""
    from tariffs.language.words import SERVICES

    found = {}
    for text in texts:
        category, mark, name = text.partition("=")
        if not (category and mark and name in SERVICES):
            raise UserError(f'"{text}" does not say which service a category is', f"write CATEGORY=SERVICE with {', '.join(SERVICES)}")
        found[category] = SERVICES[name]
    return found


def _lines(catalogues: Sequence[Catalogue], translated: Translated, into: Path) -> list[str]:
    from server.actions.tariffs.figures import figures
    from server.cli.tariffs.common import line
    from tariffs.cgrates.profiles import instant_text
    from tariffs.cgrates.writing import NOT_CARRIED, PLANS

    lines = [
        f"{into / f'{each.identity}-{each.version}'}: {line(figures(each))}, from {instant_text(each.effective_from_us)}"
        for each in catalogues
    ]
    lines += [f"{into / PLANS}: which plan is whose", "", "taken for granted:", *(f"  {text}" for text in translated.assumed), ""]
    listed = translated.not_carried
    if not listed:
        return [*lines, "everything was carried over"]
    lines += [f"not carried over as it was: {len(listed):,}", *(f"  {_told(each)}" for each in listed[:LISTED_SHOWN])]
    if len(listed) > LISTED_SHOWN:
        lines.append(f"  and {len(listed) - LISTED_SHOWN:,} more")
    return [*lines, f"{into / NOT_CARRIED} has them all"]


def _told(each: Listed) -> str:
    """File, line and tag, what became of it, and why."""
    place = f"{each.file} line {each.line}" if each.line else each.file
    return ": ".join(part for part in (place, each.tag, each.what, each.why) if part)
