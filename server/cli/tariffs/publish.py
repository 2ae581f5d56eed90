"""`ratewright tariffs publish`: from its effective date on a version prices, and it can never change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at, refuse_served
from server.cli.homes import HERE, AsJson, Place, Practice, made

if TYPE_CHECKING:
    from server.actions.tariffs.publishing import Published


def publish(
    what: Annotated[str, Parameter(name="IDENTITY@VERSION|PATH")],
    /,
    *,
    waive_review: str | None = None,
    waive_notice: str | None = None,
    waive_what_if: str | None = None,
    at: Place = HERE,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Publish a reviewed draft: from its effective date on it prices, and it can never change.

    A draft must have been reviewed by another person. It must keep the notice period of its catalogue where a price rises. It must have
    been tried (`tariffs what-if`) on the newest month with usage. Each condition can be waived with a reason, which is kept.

    Parameters
    ----------
    what
        The draft, such as mobile@2; or a file or folder, which is drafted and published at once: then the home folder is made when it does
        not exist.
    waive_review
        Reason for publishing without a review; only while no subscription is on a plan of the catalogue.
    waive_notice
        Reason for a price rise without the notice that the catalogue promises.
    waive_what_if
        Reason for publishing without a trial on the newest month.
    at
        Home folder, or the service.
    as_json
        Print JSON.
    practice
        Make a practice home, where there is none.

    """
    from server.cli.catalogue_names import find, is_path

    from_files = is_path(what)
    if from_files:
        refuse_served(at.server, f"{what}, a file or folder,", f"draft it first: ratewright tariffs draft {what}")
    if practice:
        refuse_served(at.server, "--practice", "make the practice home where it is to be")

    from billing.catalogue import Waivers, version_name
    from billing.store.home import Home
    from server.actions.tariffs import publishing
    from server.actions.tariffs.figures import summary
    from server.cli import output
    from server.cli.tariffs.common import act_of, line

    if not from_files:
        version_name(what)  # `mobile` alone could mean its newest version or its newest draft
    waive = Waivers(waive_review, waive_notice, waive_what_if)
    catalogue = find(what, at.home) if at.server is None else None

    def publish_here(home: Home) -> Published:
        assert catalogue is not None, what
        return publishing.publish(home, catalogue, act_of(home), waive, path=str(Path(what)) if from_files else "")

    _, done = done_at(
        at,
        publish_here,
        lambda service: service.tariffs.publish(what, waive),
        opening=lambda: made(at.home, practice=practice) if from_files else Home.open(at.home, practice=practice),
    )
    if as_json:
        found = {**summary(done.figures), "content_hash": done.publication.content_hash.hex()}
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
    print(f"{line(done.figures)}: {'published' if done.publication.added else 'was published before, nothing to do'}")
    for note in done.notes:
        print(f"  {note}")
    return 0
