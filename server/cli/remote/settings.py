"""Settings by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.setting_changes import Asked, Changed, Standing
from ratewright.v1 import settings_service_pb2 as pb
from ratewright.v1 import settings_service_pb2_grpc as stubs
from server.cli.remote.calling import last, tail

if TYPE_CHECKING:
    from server.client import Connection


class Settings:
    """Calls of SettingsService."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.SettingsServiceStub(service.channel)

    def list_all(self) -> list[Standing]:
        """`settings list`."""
        return [_standing(each) for each in self._service.call(self._stub.ListSettings, pb.ListSettingsRequest()).settings]

    def value(self, name: str) -> str:
        """The value of one setting that holds."""
        return str(self._service.call(self._stub.GetSetting, pb.GetSettingRequest(name=f"settings/{name}")).value)

    def change(self, name: str, value: str, reason: str = "") -> Changed:
        """`settings set`."""
        done = self._service.call(self._stub.SetSetting, pb.SetSettingRequest(name=f"settings/{name}", value=value, reason=reason))
        return Changed(done.changed, _standing(done.setting))

    def agree(self, name: str, note: str) -> Standing:
        """`settings agree`."""
        return _standing(self._service.call(self._stub.ApproveSetting, pb.ApproveSettingRequest(name=f"settings/{name}", note=note)))


def _standing(row: pb.Setting) -> Standing:
    waits = None
    if row.HasField("proposal"):
        asked = row.proposal
        waits = Asked(asked.value, asked.asked_by, asked.reason, int(last(asked.name)))
    return Standing(tail(row.name), row.value, row.about, row.set_by, row.agreed_by, row.reason, waits, row.etag)
