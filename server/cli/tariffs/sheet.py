"""`ratewright tariffs sheet`: the tariff sheet of a plan, as customers read it."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rating.counted import counted
from rating.dates import local_date
from rating.errors import NotFoundError, UserError
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Overwrite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rating.model import Catalogue, Plan
    from tariffs.sheets.layout import Sheet


def sheet(
    plan: Annotated[str, Parameter(name="PLAN")],
    /,
    *,
    language: Annotated[Literal["en", "zh"], Parameter(name="--language")] = "en",
    lang: Annotated[Literal["en", "zh"] | None, Parameter(name="--lang", show=False)] = None,
    form: Annotated[Literal["text", "html", "pdf"], Parameter(name="--format")] = "text",
    output: Path | None = None,
    overwrite: Overwrite = False,
    at: str = "",
    catalog: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Write the tariff sheet of a plan: cycle, method, fees, every price with how it is counted, allowances, limits, where to complain.

    Parameters
    ----------
    plan
        Catalogue and plan, such as mobile/smart-m; or mobile@2/smart-m for one version or draft, valid or not.
    language
        Language of the sheet.
    lang
        Former name of --language.
    form
        Format of the sheet; a PDF needs --output.
    output
        File to write; without it, the sheet is printed.
    overwrite
        Replace the file if it exists.
    at
        Date, or instant with offset, on which the sheet shall be valid; now when left out.
    catalog
        Tariff file or folder to read; may be repeated. By default the published catalogues of the home folder.
    home
        Home folder with published catalogues.
    as_json
        Print the parts of the sheet as JSON, each price with the event that a quote of it needs.

    """
    from billing.store import output_files
    from server.cli.tariffs.instants import read
    from tariffs.sheets import content

    if output is not None and not as_json:
        output_files.require_free(output, overwrite=overwrite)
    if form == "pdf" and output is None and not as_json:
        raise UserError("a PDF is not for the terminal", "name a file: --output sheet.pdf", exit_status=2)
    versions, number, name = _versions(plan, catalog, home)
    asked_us = read(at, versions[0].timezone, "--at") if at else None
    now_us = _now_us(catalog, home) if asked_us is None else asked_us
    chosen = _chosen(versions, number, now_us, coming=bool(catalog) and asked_us is None)
    at_us = _within(chosen, now_us)
    made = content.sheet(chosen, _plan(chosen, name), lang or language, as_of=local_date(at_us, chosen.timezone))
    if as_json:
        from server.cli import output as printing

        printing.print_json(made)
        return 0
    _write(made, form, output, overwrite=overwrite)
    return 0


def _now_us(catalog: Sequence[Path], home: Path) -> int:
    """Now in the home; of files by themselves on the machine."""
    from server import clock

    if catalog:
        return clock.machine_now_us()
    from billing.store.home import Home

    with Home.open(home) as opened:
        return clock.now_us(opened)


def _write(made: Sheet, form: str, output: Path | None, *, overwrite: bool) -> None:
    """The sheet as a file, or printed."""
    from billing.store import output_files
    from server.cli.output import printable
    from tariffs.sheets import html, pdf, text

    makers: dict[str, Callable[[Sheet], bytes]] = {
        "pdf": pdf.render,
        "html": lambda each: html.page(each).encode(),
        "text": lambda each: "\n".join(printable(line) for line in "\n".join([*text.lines(each), ""]).split("\n")).encode(),
    }
    written = makers[form](made)
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
        return
    output_files.write(output, written, overwrite=overwrite)
    print(printable(f"{output}: {made.title}, {counted(len(made.cells), 'price')}, {form}"))


def _versions(name: str, paths: Sequence[Path], home: Path) -> tuple[list[Catalogue], str, str]:
    """The versions to choose from and those that follow them, the number that is wanted ("": by date), and the name of the plan."""
    identity, slash, plan_name = name.partition("/")
    if not slash:
        raise UserError(f'"{name}" names no plan', "write catalogue and plan, such as mobile/smart-m", exit_status=2)
    identity, _, number = identity.partition("@")
    found = _known(identity, number, paths, home)
    versions = [each for each in found if each.identity == identity]
    if not versions or (number and all(str(each.version) != number for each in versions)):
        known = sorted({f"{each.identity}@{each.version}" for each in found if each.version > 0})
        remedy = f"there are {', '.join(known)}" if known else "publish it, or give --catalog PATH"
        raise NotFoundError(f'there is no catalogue "{name.partition("/")[0]}"', remedy)
    return versions, number, plan_name


def _known(identity: str, number: str, paths: Sequence[Path], home: Path) -> Sequence[Catalogue]:
    if paths:
        from tariffs.reading.load import load

        return [load(path) for path in paths]
    from billing import catalogue as store
    from billing.store.home import Home

    with Home.open(home) as opened:
        pricing = store.in_force(opened)
    if number and all((each.identity, str(each.version)) != (identity, number) for each in pricing):
        from server.cli import catalogue_names

        return [catalogue_names.find(f"{identity}@{number}", home)]  # a draft, or a version that prices nothing any more
    return pricing


def _chosen(versions: Sequence[Catalogue], number: str, at_us: int, *, coming: bool) -> Catalogue:
    """The version of that number, else the one in force at an instant; with the instant at which it ends or the next one takes its place.

    `coming`: where none is in force yet, the first one.
    """
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
