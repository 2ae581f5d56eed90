"""SettingsService: settings with who set them, values that are set or asked for, and the agreement of a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing import setting_changes
from billing.persons import Who
from billing.setting_changes import Wanted
from ratewright.v1 import settings_service_pb2 as pb
from ratewright.v1 import settings_service_pb2_grpc
from server.actions import settings
from server.grpc import calls
from server.grpc.entrance import about
from server.grpc.finance import values

if TYPE_CHECKING:
    import grpc

    from billing.payments.writing import Act
    from billing.setting_changes import Standing
    from server.grpc.calls import Door

_COLLECTION: Final = "settings"


class SettingsService(settings_service_pb2_grpc.SettingsServiceServicer):
    """Servicer of ratewright.v1.SettingsService over one home."""

    def __init__(self, door: Door) -> None:
        self._door, self._home = door, door.home

    def ListSettings(self, _request: pb.ListSettingsRequest, context: grpc.ServicerContext) -> pb.ListSettingsResponse:
        """All settings."""
        return calls.read(context, lambda: pb.ListSettingsResponse(settings=map(_message, settings.list_all(self._home))))

    def GetSetting(self, request: pb.GetSettingRequest, context: grpc.ServicerContext) -> pb.Setting:
        """One setting."""
        return calls.read(context, lambda: _message(settings.find(self._home, _name(request.name))))

    def SetSetting(self, request: pb.SetSettingRequest, context: grpc.ServicerContext) -> pb.SetSettingResponse:
        """A value that holds, or waits for another person."""

        def act(by: Act) -> pb.SetSettingResponse:
            wanted = Wanted(_name(request.name), request.value, request.reason, request.etag)
            done = setting_changes.change(self._home, wanted, _who(by), dry_run=by.dry_run)
            return pb.SetSettingResponse(setting=_message(done.after), changed=done.changed)

        def recover(commit_seq: int) -> pb.SetSettingResponse:
            done = setting_changes.stored_by(self._home, _name(request.name), commit_seq)
            return pb.SetSettingResponse(setting=_message(done.after), changed=done.changed)

        return values.write(self._door, request, context, act, recover, pb.SetSettingResponse)

    def ApproveSetting(self, request: pb.ApproveSettingRequest, context: grpc.ServicerContext) -> pb.Setting:
        """A value that holds as another operator agrees."""

        def act(by: Act) -> pb.Setting:
            return _message(settings.agree(self._home, _name(request.name), request.note, _who(by), etag=request.etag))

        def recover(commit_seq: int) -> pb.Setting:
            return _message(setting_changes.stored_by(self._home, _name(request.name), commit_seq).after)

        return values.write(self._door, request, context, act, recover, pb.Setting)


def _name(name: str) -> str:
    found = values.identity(name, _COLLECTION, "setting")
    about(f"setting {found}")
    return found


def _who(by: Act) -> Who:
    return Who(by.by.name, by.by.uid, by.now_us)


def _message(found: Standing) -> pb.Setting:
    waits = found.waits
    return pb.Setting(
        name=f"{_COLLECTION}/{found.name}",
        value=found.value,
        about=found.about,
        set_by=found.by_name,
        agreed_by=found.agreed_by,
        reason=found.reason,
        proposal=None
        if waits is None
        else pb.SettingProposal(name=f"approvals/{waits.proposal}", value=waits.value, asked_by=waits.by_name, reason=waits.reason),
        etag=found.etag,
    )
