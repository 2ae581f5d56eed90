"""`ratewright tariffs publish`: from its effective date on a version prices, and it can never change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Practice, made


def publish(
    what: Annotated[str, Parameter(name="IDENTITY@VERSION|PATH")],
    /,
    *,
    waive_review: str | None = None,
    waive_notice: str | None = None,
    waive_what_if: str | None = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Publish a reviewed draft: from its effective date on it prices, and it can never change.

    A draft must have been reviewed by another person. It must keep the notice period of its catalogue where a price rises. It must have
    been tried (`tariffs what-if`) on the newest month with usage. Each condition can be waived with a reason, which is kept.

    Parameters
    ----------
    what
        The draft, such as mobile@2; or a file or folder, which is drafted and published at once.
    waive_review
        Reason for publishing without a review; only while no subscription is on a plan of the catalogue.
    waive_notice
        Reason for a price rise without the notice that the catalogue promises.
    waive_what_if
        Reason for publishing without a trial on the newest month.
    home
        Home folder; for a file or folder it is made when it does not exist.
    as_json
        Print JSON.
    practice
        Make a practice home, where there is none.

    """
    from server.cli.catalogue_names import find, is_path

    from_files = is_path(what)

    from billing.catalogue import Waivers, version_name
    from billing.store.home import Home
    from server.actions.tariffs import publishing
    from server.cli import output
    from server.cli.tariffs.common import act_of, line, summary

    if not from_files:
        version_name(what)  # `mobile` alone could mean its newest version or its newest draft
    catalogue = find(what, home)
    waive = Waivers(waive_review, waive_notice, waive_what_if)
    with made(home, practice=practice) if from_files else Home.open(home, practice=practice) as opened:
        done = publishing.publish(opened, catalogue, act_of(opened), waive, path=str(Path(what)) if from_files else "")
    if as_json:
        found = {**summary(catalogue), "content_hash": done.publication.content_hash.hex()}
        by_hand = [each._asdict() for each in done.beyond]
        output.print_json(
            {
                **found,
                "commit_seq": done.publication.commit_seq,
                "added": done.publication.added,
                "notes": done.notes,
                "adjust_by_hand": by_hand,
            }
        )
        return 0
    print(f"{line(catalogue)}: {'published' if done.publication.added else 'was published before, nothing to do'}")
    for note in done.notes:
        print(f"  {note}")
    return 0
