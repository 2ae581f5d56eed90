"""Tariffs by a service: files that are checked and drafted, drafts that are reviewed and published, versions that are shown."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from billing.catalogue import State, version_name
from billing.catalogue.gates import GateError
from billing.catalogue.names import VersionName
from billing.what_if.report import WhatIf
from ratewright.v1 import bill_run_service_pb2 as runs_pb
from ratewright.v1 import bill_run_service_pb2_grpc as runs_stubs
from ratewright.v1 import billing_results_pb2 as results
from ratewright.v1 import tariff_service_pb2 as pb
from ratewright.v1 import tariff_service_pb2_grpc as stubs
from rating.errors import NotFoundError, Problem, ProblemsError, UserError
from server.actions.tariffs import sheets
from server.actions.tariffs.checks import Told
from server.actions.tariffs.reviews import Compared
from server.actions.tariffs.sheets import Rendered
from server.actions.tariffs.versions import unknown
from server.cli.remote.calling import LONG_S, PAGE_SIZE, instant
from server.cli.remote.operations import fitting, waited
from server.cli.remote.receiving import json_value
from server.cli.remote.tariffs import values
from server.cli.tariffs.instants import read
from server.client import CallError, date

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalogue import Decision, Waivers
    from server.actions.tariffs.figures import Figures
    from server.actions.tariffs.publishing import Published
    from server.actions.tariffs.versions import Drafted, Repealed, VersionHistory
    from server.cli.remote.operations import Report
    from server.client import Connection
    from tariffs.changes import Change
    from tariffs.reading.load import Located

_IDENTITY: Final = re.compile("[a-z0-9][a-z0-9-]{0,63}")
_NUMBER_MAX: Final = 10**9  # of a version in a resource name
_DATE_LENGTH: Final = len("2026-01-01")
_UTC: Final = "UTC"
_NOT_READY: Final = "TARIFF_NOT_READY"
_FORMS: Final = {
    sheets.TEXT: pb.GetTariffSheetRequest.FORMAT_TEXT,
    sheets.HTML: pb.GetTariffSheetRequest.FORMAT_HTML,
    sheets.PDF: pb.GetTariffSheetRequest.FORMAT_PDF,
    sheets.JSON: pb.GetTariffSheetRequest.FORMAT_JSON,
}


class Tariffs:
    """Calls of TariffService, and the what-if. Files are read here, and their mistakes found before they are sent."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.TariffServiceStub(service.channel)
        self._runs = runs_stubs.BillRunServiceStub(service.channel)

    def check(self, located: Located) -> Told:
        """`tariffs check`, against the published versions. Raises ProblemsError."""
        asked = pb.CheckTariffRequest(files=_files(located), against_published=True)
        found = self._service.call(self._stub.CheckTariff, asked, deadline_s=LONG_S)
        if found.problem_count:
            problems = (Problem(_path(located, each.file), each.path, each.message, each.remedy) for each in found.problems)
            raise ProblemsError(list(problems))
        _say_left_out(found.warning_count - len(found.warnings), "warnings")
        rows = map(values.warning, found.warnings)
        return Told(values.figures(found.tariff_version), [{**row, "file": _path(located, row["file"])} for row in rows])

    def draft(self, located: Located) -> Drafted:
        """`tariffs draft`."""
        return values.drafted(self._service.call(self._stub.DraftTariff, pb.DraftTariffRequest(files=_files(located)), deadline_s=LONG_S))

    def review(self, text: str, *, accept: bool, note: str, content: str) -> tuple[Decision, Compared]:
        """`tariffs review`."""
        name = _version(version_name(text))
        if accept:
            approved = pb.ApproveTariffDraftRequest(name=name, content_hash=content, note=note)
            found = self._service.call(self._stub.ApproveTariffDraft, approved)
        else:
            rejected = pb.RejectTariffDraftRequest(name=name, content_hash=content, note=note)
            found = self._service.call(self._stub.RejectTariffDraft, rejected)
        _say_left_out(found.warning_count - len(found.warnings), "warnings")
        changes, warnings = list(map(values.change, found.changes)), list(map(values.warning, found.warnings))
        if found.change_count > len(changes):  # an answer has the first thousand
            before = f"{name.rpartition('/')[0]}/{found.compared_with}"
            *_, changes = self._diff(before, name)
        return values.reviewed(found), Compared(found.compared_with or None, changes, warnings)

    def publish(self, text: str, waive: Waivers) -> Published:
        """`tariffs publish`, of a draft. Raises GateError."""
        name = _version(version_name(text))
        asked = pb.PublishTariffRequest(name=name, waive_review=waive.review, waive_notice=waive.notice, waive_what_if=waive.what_if)
        try:
            return values.published(self._service.call(self._stub.PublishTariff, asked, deadline_s=LONG_S))
        except CallError as error:
            if error.reason == _NOT_READY:
                raise GateError(text, [Problem(text, gate, *_message_and_remedy(told)) for gate, told in error.places]) from error
            raise

    def repeal(self, text: str, begin: str, reason: str) -> Repealed:
        """`tariffs repeal`."""
        asked = pb.RepealTariffRequest(name=_version(version_name(text)), reason=reason)
        _set_instant(asked, begin, "--from", "from_date", "from_time")
        return values.repealed(self._service.call(self._stub.RepealTariff, asked))

    def histories(self, identity: str) -> list[VersionHistory]:
        """`tariffs history`."""
        if not _IDENTITY.fullmatch(identity):  # it is no part of a name
            raise unknown(identity)
        asked = pb.ListTariffVersionsRequest(parent=f"catalogues/{identity}", page_size=PAGE_SIZE)
        return [values.history(each) for each in self._service.pages(self._stub.ListTariffVersions, asked, "tariff_versions")]

    def diff(self, old: str, new: str) -> tuple[Figures, Figures, list[Change]]:
        """`tariffs diff` of two versions or drafts."""
        return self._diff(self._named(old), self._named(new))

    def sheet(self, plan: str, language: str, as_of: str, form: str) -> Rendered:
        """`tariffs sheet` of a published version or a draft."""
        asked = pb.GetTariffSheetRequest(plan=plan, language_code=language, format=_FORMS[form])
        if as_of:
            _set_instant(asked, as_of, "--at", "as_of", "as_of_time")
        found = self._service.call(self._stub.GetTariffSheet, asked, deadline_s=LONG_S)
        return Rendered(found.title, found.price_count, found.content)

    def what_if(
        self, draft: str, month: str, plan: str, migrations: Sequence[str], threads: int, report: Report
    ) -> tuple[WhatIf, bool | None]:
        """`tariffs what-if`: the report, and whether it was kept; None where publication asks for another one."""
        wanted = runs_pb.RunWhatIfRequest(
            catalogue=draft, month=month, plan=plan, migrations=migrations, threads=fitting(threads, "--threads")
        )
        asked = self._service.call(self._runs.RunWhatIf, wanted)
        found = waited(self._service, asked, results.WhatIf(), report)
        if not found.report_json:
            raise UserError("the report is larger than an answer of the service", "give the command on the machine that holds the home")
        whole = json_value(found.report_json, WhatIf)
        return whole, None if whole.only_plan or whole.moved or not whole.usage else found.kept

    def _diff(self, old: str, new: str) -> tuple[Figures, Figures, list[Change]]:
        """Two versions by their resource names, and every change between them."""
        asked = pb.DiffTariffVersionsRequest(old=old, new=new, page_size=PAGE_SIZE)
        page = self._service.call(self._stub.DiffTariffVersions, asked, deadline_s=LONG_S)
        found = list(page.changes)
        if page.next_page_token:
            asked.page_token = page.next_page_token
            found += self._service.pages(self._stub.DiffTariffVersions, asked, "changes")
        return values.figures(page.old_version), values.figures(page.new_version), list(map(values.change, found))

    def _named(self, text: str) -> str:
        """The resource name of `mobile@2`; of `mobile` that of the newest published version, else of the newest draft."""
        if "@" in text:
            return _version(version_name(text))
        found = {each.figures: each.state for each in self.histories(text)}
        published = [each for each, state in found.items() if state not in {State.DRAFT, State.REVIEWED}]
        newest = max(published or found, key=lambda each: (each.effective_from_us if published else 0, each.version))
        return _version(VersionName(newest.identity, newest.version))


def _version(name: VersionName) -> str:
    """The resource name of a version. Raises NotFoundError for one that no version can have."""
    if not (_IDENTITY.fullmatch(name.identity) and 0 < name.version < _NUMBER_MAX):
        raise NotFoundError(f"there is no version {name}", "write the name of a version or a draft, such as mobile@2")
    return f"catalogues/{name.identity}/versions/{name.version}"


def _files(located: Located) -> list[pb.TariffFile]:
    return [pb.TariffFile(name=name, content=(located.folder / name).read_bytes()) for name in located.files]


def _path(located: Located, name: str) -> str:
    """The path of a file here that was sent by its name."""
    return str(located.folder / name) if name else ""


def _set_instant(asked: pb.RepealTariffRequest | pb.GetTariffSheetRequest, text: str, option: str, day: str, time: str) -> None:
    """Set one of two fields: a date on the clock of the catalogue, or an instant. Raises UserError for a text that is neither."""
    at_us = read(text, _UTC, option)
    if len(text) == _DATE_LENGTH:
        getattr(asked, day).CopyFrom(date(values.utc_day(at_us)))
    else:
        getattr(asked, time).CopyFrom(instant(at_us, option))


def _message_and_remedy(told: str) -> tuple[str, str]:
    message, _, remedy = told.partition("; ")
    return message, remedy


def _say_left_out(count: int, what: str) -> None:
    if count > 0:
        print(f"the service leaves out {count:,} more {what}", file=sys.stderr)
