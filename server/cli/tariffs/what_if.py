"""`ratewright tariffs what-if`: what a draft would have made of a stored month. Nothing is billed."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.errors import UserError
from server.cli.done import done_at, refuse_served
from server.cli.homes import HERE, AsJson, Overwrite, Place

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.what_if import WhatIf
    from server.cli.remote.service import Service

CHARTS = (".svg", ".html")


def what_if(
    draft: Annotated[str, Parameter(name="DRAFT")],
    /,
    *,
    period: str,
    plan: str | None = None,
    migrate: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    csv: Path | None = None,
    chart: Path | None = None,
    overwrite: Overwrite = False,
    threads: int = 0,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Price a stored month twice, by the tariffs in force and by a draft, and show what changes for revenue and for customers.

    Nothing is billed, and nothing is stored but that a draft of the home folder was tried on the month: publication asks for that.

    Parameters
    ----------
    draft
        File or folder of a catalogue, or the name of a draft or version of the home folder, such as mobile@2.
    period
        The month, such as 2026-10.
    plan
        Count only subscriptions that have this plan, such as mobile/smart-s.
    migrate
        Move a share of the subscriptions of a plan to another one, such as mobile/smart-s:mobile/smart-m=20%; may be repeated.
    csv
        Write all figures to this file.
    chart
        Draw a picture: a file that ends in .svg or .html.
    overwrite
        Replace these files if they are there.
    threads
        Threads that price usage; 0 for one a processor.
    at
        Home folder, or the service.
    as_json
        Print JSON.

    """
    from billing.store import output_files
    from server import clock
    from server.actions import what_if as actions
    from server.actions.threads import thread_count
    from server.cli import catalogue_names, output, practice, stages
    from server.cli.pages import what_if as what_if_page
    from server.operator import current

    _require_free(csv, chart, overwrite=overwrite)
    if catalogue_names.is_path(draft):
        refuse_served(at.server, f"{draft}, a file or folder,", f"draft it first: ratewright tariffs draft {draft}")
    catalogue = catalogue_names.find(draft, at.home) if at.server is None else None

    def try_here(home: Home) -> tuple[WhatIf, bool | None]:
        assert catalogue is not None, draft
        report = actions.run(home, catalogue, period, plan or "", migrate, threads=thread_count(threads))
        return report, actions.keep(home, catalogue, report, current(), clock.now_us(home))

    def try_there(service: Service) -> tuple[WhatIf, bool | None]:
        with stages.show("what-if") as told:
            return service.tariffs.what_if(draft, period, plan or "", migrate, threads, told)

    opened, (report, kept) = done_at(at, try_here, try_there)
    if csv is not None:
        output_files.write(csv, what_if_page.as_csv(report).encode(), overwrite=overwrite)
    if chart is not None:
        output_files.write(chart, _drawn(chart, report).encode(), overwrite=overwrite)
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, report))
        return 0
    what_if_page.show(report)
    print(f"\n{_kept(report, kept=kept)}")
    return 0


def _require_free(csv: Path | None, chart: Path | None, *, overwrite: bool) -> None:
    """Raise UserError for files that are not to be written."""
    from billing.store import output_files

    for file in (csv, chart):
        if file is not None:
            output_files.require_free(file, overwrite=overwrite)
    if csv is not None and csv == chart:
        raise UserError(f"{csv} is named for the figures and for the picture", "name two files", exit_status=2)
    if chart is not None and chart.suffix not in CHARTS:
        raise UserError(f"--chart {chart} is not a picture that can be drawn", "name a file that ends in .svg or .html", exit_status=2)


def _kept(report: WhatIf, *, kept: bool | None) -> str:
    """The sentence about a trial that is kept, or why it is not."""
    if not report.usage:
        return f"Nothing was stored: a what-if is kept of a month with usage, and {report.month} has none."
    if kept is None:
        return "Nothing was stored: a what-if is kept without --plan and --migrate."
    if kept:
        return f"Kept: {report.identity}@{report.version} was tried on {report.month}."
    drafts = "drafts of the home folder that are not published (`ratewright tariffs draft PATH` makes one)"
    return f"Nothing was stored: a what-if is kept for {drafts}."


def _drawn(path: Path, report: WhatIf) -> str:
    from billing.what_if import chart

    return chart.svg(report) if path.suffix == ".svg" else chart.html(report)
