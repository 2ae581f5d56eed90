"""The entrance of the service: each call has an operator with a role for it, or is refused before its servicer is called.

    metadata, TLS -> the operator (`access.identity`) -> the rule of the call (`access.roles`) -> its limits (`operator_limits`)
        -> the call, acting as that operator -> the audit trail -> the answer leaves -> metrics; a refusal is in the log as well

Refuses, beside what `access.identity` and `operator_limits` refuse: PERMISSION_DENIED: ROLE_MISSING, ENTITY_NOT_ALLOWED.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import grpc

from billing import acting
from billing.accounts.lookup import key_of, legal_entity_of
from billing.acting import Actor, Terms
from rating.dates import DAY_S, MINUTE_US
from rating.errors import NotFoundError
from server.access import roles
from server.access.identity import Caller, Identities
from server.access.masking import Mask, mask_for
from server.access.trail import Entry, Trail
from server.grpc import field_masks, under_way
from server.grpc.admission import peer_of
from server.grpc.call_log import CallLog
from server.grpc.call_roles import Fitting, fitting_roles
from server.grpc.message_parsing import parsing
from server.grpc.operator_limits import Limit, OperatorLimits, Pace, RefusalCounts
from server.grpc.refusals import Refusal, abort, answering, as_refusal
from server.grpc.under_way import UnderWay
from server.observing.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from billing.operators import Role
    from billing.store.home import Home

    _Handler = grpc.RpcMethodHandler[Any, Any]
    _Interceptor = grpc.ServerInterceptor[Any, Any]
else:
    _Interceptor = grpc.ServerInterceptor

REASON_HEADER: Final = "ratewright-reason"
PRACTICE_HEADER: Final = "ratewright-practice"  # of answers: what they say is not a bill
REASON_CHARACTERS_MAX: Final = 500
ISSUER: Final = "legal entity "  # subjects of the audit trail: before its name
NAMELESS: Final = "without a name"  # and in its place
LOOK_AGAIN_S: Final = 15.0  # how often the callers of open streams are looked up
_log = logging.getLogger(__name__)
_NO_DEADLINE_S: Final = 10 * 365 * DAY_S
_OK: Final = "OK"
_OPENED: Final = "OPENED"  # a stream of answers, of which the first one has not left yet
_ENTERED: Final[contextvars.ContextVar[_Entered | None]] = contextvars.ContextVar("entered", default=None)


class Access(NamedTuple):
    """Identities, trail, clock and limits, which the entrance asks; meter and log of the ends of calls."""

    identities: Identities
    trail: Trail
    clock_us: Callable[[], int]
    limits: OperatorLimits = OperatorLimits(Limit())
    meter: Meter = Meter()
    log: CallLog = CallLog()


class _Open(NamedTuple):
    """A call that is under way."""

    caller: Caller
    context: grpc.ServicerContext
    until_s: float | None = None  # on the monotonic clock: a single call without a deadline is ended then


def caller() -> Caller | None:
    """The operator of this call; None behind an entrance that is not guarded."""
    entered = _ENTERED.get()
    return None if entered is None else entered.caller


def mask() -> Mask:
    """The mask of names and numbers for this call; none behind an entrance that is not guarded.

    The role of the call decides. Of roles that are limited to legal entities that is the one for the entity asked about. Where none was
    named yet, what one of them hides is hidden.
    """
    entered = _ENTERED.get()
    return Mask(hides=entered is not None and entered.hides())


def terms() -> Terms:
    """Limits of what this call may show, by the roles of its operator as of now, for the legal entities named so far."""
    entered = _ENTERED.get()
    return Terms() if entered is None else entered.terms()


def in_turn(needed: frozenset[Role]) -> None:
    """Let this call be made in one of these roles, which its operator has: where others of the call do not do."""
    entered = _ENTERED.get()
    if entered is not None:
        entered.choose_of(needed)


def roles_held() -> frozenset[Role] | None:
    """The roles of the operator of this call; None behind an entrance that is not guarded.

    A role that is limited to a legal entity counts in a call by entity that is about accounts of that entity alone.
    """
    entered = _ENTERED.get()
    if entered is None:
        return None
    return entered.caller.roles | {role for role, entity in entered.caller.limited if entered.about_entities == {entity}}


def pace() -> Pace:
    """The pace at which the operator of this call may send rows."""
    entered = _ENTERED.get()
    return Pace() if entered is None else entered.limits.pace(entered.caller.name)


def about(subject: str) -> None:
    """Name the subject of this call for the audit trail, by key: such as `account 17`."""
    entered = _ENTERED.get()
    if entered is not None:
        entered.subject = subject
        acting.set_subject(subject)


def about_account(home: Home, account_id: str, part: str = "") -> None:
    """Name an account as the subject of this call, with the `part` of it that is asked for, before anything is done or refused.

    Refuses a role that is limited to other legal entities: PERMISSION_DENIED: ENTITY_NOT_ALLOWED, also where there is no such account. To
    others an account that is not there is refused by the servicer.
    """
    entered = _ENTERED.get()
    if entered is None:
        return
    with contextlib.suppress(NotFoundError):
        about(f"account {key_of(home, account_id)}{part}")
    if entered.asks_for_entities():
        _require_entity(entered, legal_entity_of(home, account_id))


def about_known_account(account_key: int, entity: str | None, part: str = "") -> None:
    """The same of an account that was read, with its legal entity."""
    _about(f"account {account_key}{part}", entity)


def about_issuer(entity: str, *, is_known: bool = True) -> None:
    """Name a legal entity as the subject of this call, empty for the one without a name. Refuses a role as `about_account`.

    One that is not known is not named: its name is a word of the caller.
    """
    _about(f"{ISSUER}{entity or NAMELESS}" if is_known else "", entity or None)


def _about(subject: str, entity: str | None) -> None:
    if subject:
        about(subject)
    entered = _ENTERED.get()
    if entered is not None and entered.asks_for_entities():
        _require_entity(entered, entity)


def _require_entity(entered: _Entered, entity: str | None) -> None:
    """Refuse an account of a legal entity, or the entity itself, to a role that is limited to others."""
    if entered.entities is not None and entity not in entered.entities:
        raise _other_entity(entered)
    entered.name_entity(entity)


def about_entities(names: Iterable[str]) -> None:
    """Name legal entities that this call is about. Refuses a role as `about_account`."""
    for each in names:
        _about("", each)


def require_accounts(home: Home, account_ids: Iterable[str]) -> None:
    """Refuse an answer about accounts of other legal entities to a role that is limited to some."""
    entered = _ENTERED.get()
    if entered is not None and entered.entities is not None:
        for each in account_ids:
            if legal_entity_of(home, each) not in entered.entities:
                raise _other_entity(entered)


def entities() -> tuple[str, ...] | None:
    """The legal entities to which the role of this call is limited; None: all."""
    entered = _ENTERED.get()
    return None if entered is None or entered.entities is None else tuple(sorted(entered.entities))


class Entrance(_Interceptor):
    """Stands in front of all services of a server. It lets everybody in until it is guarded: for tests of what is behind it."""

    def __init__(self) -> None:
        self._access: Access | None = None
        self._open: dict[int, _Open] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._refusals = RefusalCounts()
        self._kept: dict[str, _Handler] = {}  # handlers behind the entrance, by method: they are the same for each call

    def guard(self, access: Access) -> None:
        """Ask each call from now on who makes it."""
        assert self._access is None, "guarded once"
        self._access = access
        threading.Thread(target=self._look_often, name="entrance", daemon=True).start()

    def close(self) -> None:
        """Look no more after open calls."""
        self._closed.set()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], _Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """The handler, behind the entrance."""
        kept = self._kept.get(handler_call_details.method)
        if kept is not None:
            return kept
        found: Any = parsing(continuation(handler_call_details))  # of any kind: one of its four methods is set
        call = handler_call_details.method.removeprefix("/")
        rule = roles.rule_of(call)
        if found is None or self._access is None or rule.anybody:
            return cast("_Handler | None", found)
        codec = {"request_deserializer": found.request_deserializer, "response_serializer": found.response_serializer}
        if found.response_streaming:
            make = grpc.stream_stream_rpc_method_handler if found.request_streaming else grpc.unary_stream_rpc_method_handler
            return self._keep(handler_call_details, make(self._streamed(found.stream_stream or found.unary_stream, call, rule), **codec))
        make = grpc.stream_unary_rpc_method_handler if found.request_streaming else grpc.unary_unary_rpc_method_handler
        return self._keep(handler_call_details, make(self._answered(found.stream_unary or found.unary_unary, call, rule), **codec))

    def _keep(self, details: grpc.HandlerCallDetails, handler: _Handler) -> _Handler:
        self._kept[details.method] = handler
        return handler

    def _answered(self, method: Callable[..., Any], call: str, rule: roles.Rule) -> Callable[..., Any]:
        def behind(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 -- messages of any method
            with self._entered(call, rule, context) as entered:
                answer = method(entered.messages(request), context)
                with answering(context):
                    entered.require_entity()
                    answer = field_masks.cut(answer, entered.fields)
                    entered.end(_OK)
                return answer

        return behind

    def _streamed(self, method: Callable[..., Any], call: str, rule: roles.Rule) -> Callable[..., Any]:
        def behind(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401 -- as above
            with self._entered(call, rule, context, is_stream=True) as entered:
                is_opened = False
                for answer in method(entered.messages(request, context.is_active), context):
                    if not is_opened:
                        with answering(context):
                            entered.require_entity()
                            entered.record(_OPENED)  # before the first answer leaves
                        is_opened = True
                    yield answer
                with answering(context):
                    entered.end(_OK)

        return behind

    @contextlib.contextmanager
    def _entered(self, call: str, rule: roles.Rule, context: grpc.ServicerContext, *, is_stream: bool = False) -> Iterator[_Entered]:
        """Let a call in, or abort it; its end is recorded, measured and, where it was refused, in the log."""
        assert self._access is not None, call
        given = dict(context.invocation_metadata())
        this = UnderWay(call, under_way.request_id_of(given))
        mark, began_s = under_way.begin(this), time.monotonic()
        ended = _OK
        try:
            with self._let_in(call, rule, context, given, is_stream=is_stream) as entered:
                yield entered
            ended = entered.outcome
        except BaseException:  # measured and logged, however it ends
            ended = _outcome(context)
            raise
        finally:
            under_way.end(mark)
            seconds = time.monotonic() - began_s
            self._access.meter.call_ended(call, ended, this.reason, seconds)
            if ended != _OK:
                self._access.log.refused(this, ended, seconds)

    @contextlib.contextmanager
    def _let_in(
        self, call: str, rule: roles.Rule, context: grpc.ServicerContext, given: dict[str, str | bytes], *, is_stream: bool
    ) -> Iterator[_Entered]:
        assert self._access is not None, call
        metadata = {key: value for key, value in given.items() if isinstance(value, str)}
        peer = peer_of(context)
        found: Caller | None = None
        held: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        try:
            shown = {} if metadata.get("authorization") else _auth_context(context)
            found = self._access.identities.caller(metadata, shown)
            fitting = fitting_roles(found, rule, call)
            self._access.limits.admit(found.name, is_stream=is_stream, remaining_s=_remaining_s(context))
            if is_stream:
                held = stack = contextlib.ExitStack()
                stack.enter_context(self._access.limits.stream(found.name))
        except Refusal as refusal:
            with answering(context):
                self._record_refusal(call, found, peer, refusal)
            abort(context, refusal)
        except Exception as error:  # noqa: BLE001 -- the edge of the service: where the store does not answer, nobody is let in
            abort(context, as_refusal(error))
        assert found is not None, call
        if self._access.identities.is_practice:
            context.set_trailing_metadata(((PRACTICE_HEADER, "true"),))
        reason = _reason(given)
        actor = Actor(found.name, found.number, found.via, fitting.names(None, has_reason=bool(reason)), call, reason=reason, peer=peer)
        entered = _Entered(self._access, found, actor, fitting, rule)
        mark = _ENTERED.set(entered)
        with self._lock:
            until_s = None if is_stream else time.monotonic() + self._access.limits.deadline_max_s(found.name)
            self._open[id(entered)] = _Open(found, context, until_s)
        try:
            with held, acting.acting_as(actor):
                if field_masks.HEADER in metadata:
                    with answering(context):
                        entered.fields = field_masks.parse(metadata[field_masks.HEADER], call)
                yield entered
        finally:
            with self._lock:
                self._open.pop(id(entered), None)
            _ENTERED.reset(mark)
            try:
                if not entered.is_over:
                    entered.end(_outcome(context))
            except OSError as error:  # of a refusal: it leaves without its entry
                _log.error("the audit trail could not be written: %s", error)

    def _record_refusal(self, call: str, found: Caller | None, peer: str, refusal: Refusal) -> None:
        assert self._access is not None, call
        at_us, trail = self._access.clock_us(), self._access.trail
        if found is None:
            trail.add_summed(Entry(at_us, call, refusal.reason, peer=peer))
        else:
            held = ",".join(sorted(found.roles))
            entry = Entry(at_us, call, refusal.reason, found.name, found.number, found.via.value, held, peer=peer)
            if refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED or self._refusals.are_many(found.name, at_us // MINUTE_US):
                trail.add_summed(entry)  # as often as it likes: a disk would be full of it
            else:
                trail.add(entry)

    def _look_often(self) -> None:
        """End calls of operators whose key was revoked, whose time is over, or whose role was taken, within a minute; and endless ones."""
        while not self._closed.wait(LOOK_AGAIN_S):
            with self._lock:
                under_way = list(self._open.values())
            for each in under_way:
                self._look_at(each)

    def _look_at(self, each: _Open) -> None:
        assert self._access is not None, each
        if each.until_s is not None and time.monotonic() > each.until_s:
            _cancel(each.context)
            return
        try:
            now = self._access.identities.again(each.caller.credential)
            if each.caller.grants - now.grants:
                _cancel(each.context)
        except Refusal:
            _cancel(each.context)
        except Exception as error:  # noqa: BLE001 -- the edge of a thread: the store does not answer, and all are looked up again in a while
            _log.warning("the callers of open calls could not be looked up: %s", error)


class _Entered:
    """A call that was let in, until its end is recorded."""

    def __init__(self, access: Access, caller: Caller, actor: Actor, fitting: Fitting, rule: roles.Rule) -> None:
        self.caller, self.subject, self.reason = caller, "", actor.reason
        self.entities, self.is_of_entity = fitting.entities(), False  # entities None: all
        self.is_by_entity = rule.by_entity
        self.about_entities: set[str | None] = set()  # legal entities of the accounts that it names; None: of an account that is not there
        self.fields: field_masks.Tree = {}  # of the answer, that alone are asked for
        self.limits, self.outcome = access.limits, ""
        self._access, self._actor, self._fitting, self._is_recorded = access, actor, fitting, rule.records
        self.is_over = False

    def hides(self) -> bool:
        """Return whether the roles of the call hide names and numbers."""
        has_reason = bool(self.reason)
        chosen = self._fitting.chosen(self.about_entities or None, has_reason=has_reason)
        return any(mask_for({role}, has_reason=has_reason).hides for role in chosen)

    def terms(self) -> Terms:
        """Limits of what the call may show: accounts of the legal entities that it has named, where it has named one.

        A role for all legal entities may show any of them as long as none is named, or one without a name.
        """
        about = tuple(sorted(each for each in self.about_entities if each is not None))
        if self.entities is None:
            return Terms(self.hides(), None if None in self.about_entities else about or None)
        return Terms(self.hides(), about or tuple(sorted(self.entities)))

    def asks_for_entities(self) -> bool:
        """Return whether legal entities of accounts matter: a role is limited to some, or may be at a repeat of this call."""
        return self.is_by_entity and (bool(self.caller.limited) or acting.current().request is not None)

    def name_entity(self, entity: str | None) -> None:
        """Take a legal entity that the call is about: the role of the call is the one for it."""
        self.is_of_entity = True
        self.about_entities.add(entity)
        self._choose()

    def choose_of(self, needed: frozenset[Role]) -> None:
        """Take the role of the call from these."""
        self._fitting = self._fitting.within(needed)
        self._choose()

    def _choose(self) -> None:
        role = self._fitting.names(self.about_entities or None, has_reason=bool(self.reason))
        self._actor = self._actor._replace(role=role)
        acting.set_role(role, self.terms())

    def require_entity(self) -> None:
        """Refuse an answer that is about no account of a legal entity to which the role is limited, such as a list of all accounts."""
        if self.entities is not None and not self.is_of_entity:
            raise _other_entity(self)

    def end(self, outcome: str) -> None:
        """Record how the call ended, once."""
        if not self.is_over:
            self.is_over = True
            self.outcome = outcome
            self.record(outcome)

    def messages(self, request: Any, lives: Callable[[], bool] | None = None) -> Any:  # noqa: ANN401 -- one message, or many
        """The messages of the caller, within its limits; `lives` of a stream."""
        if isinstance(request, bytes):  # behind no gate
            return next(self.limits.messages(self.caller.name, iter((request,))))
        return self.limits.messages(self.caller.name, request, lives)

    def record(self, outcome: str) -> None:
        """Write an entry: of every refusal, and of answers that are to be recorded."""
        if outcome in {_OK, _OPENED} and not self._is_recorded:
            return
        at_us, actor = self._access.clock_us(), self._actor
        who = (actor.name, actor.number, actor.via.value, actor.role)
        self._access.trail.add(Entry(at_us, actor.call, outcome, *who, self.subject, actor.reason, actor.peer))


def _other_entity(entered: _Entered) -> Refusal:
    assert entered.entities is not None, "only a limited role is refused"
    allowed = ", ".join(sorted(entered.entities))
    message = f"the role of {entered.caller.name} is for accounts of {allowed} alone"
    return Refusal(grpc.StatusCode.PERMISSION_DENIED, "ENTITY_NOT_ALLOWED", message, {"entities": allowed})


def _reason(metadata: Mapping[str, str | bytes]) -> str:
    """The reason that a caller gives, in one line: as ASCII, or in UTF-8 under the name of the header with `-bin`."""
    given = metadata.get(REASON_HEADER, "") or metadata.get(f"{REASON_HEADER}-bin", b"")
    if not given:
        return ""
    text = given if isinstance(given, str) else given.decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text[:REASON_CHARACTERS_MAX]).strip()


def _cancel(context: Any) -> None:  # noqa: ANN401 -- the stubs of a context leave its types open
    context.cancel()


def _auth_context(context: Any) -> Mapping[str, list[bytes]]:  # noqa: ANN401 -- as above
    return {key if isinstance(key, str) else key.decode(): list(values) for key, values in context.auth_context().items()}


def _remaining_s(context: Any) -> float | None:  # noqa: ANN401 -- as above
    """Seconds until the deadline of a call. gRPC has one that is far away for a call without one."""
    remaining_s = context.time_remaining()
    return None if remaining_s is None or remaining_s > _NO_DEADLINE_S else remaining_s


def _outcome(context: Any) -> str:  # noqa: ANN401 -- as above
    code = context.code()
    return "CANCELLED" if code is None else str(getattr(code, "name", code))
