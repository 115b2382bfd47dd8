"""Raising of alerts: one open alert for each rule and subject, so many in an hour, and mail to administrators."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from secconsole.domain.audit.alert_rules import RuleSettings, alert_words
from secconsole.domain.audit.alert_signals import Signal, Track
from secconsole.operations.events import ALERT_RAISED
from secconsole.service.alerts.mail import mail_alert
from secconsole.service.context import Context
from secconsole.store import tenants, users
from secconsole.store.audit_log import alerts
from secconsole.store.audit_log.alerts import MOST_EVENTS, AlertRecord
from secconsole.store.rows import UserRecord

HOUR = 3_600_000
MOST_IN_AN_HOUR = 20  # alerts of a tenant: further ones are summed up in one for each rule
MOST_OPEN = 500
MOST_MAILED = 6  # alerts of a tenant in an hour that administrators are mailed about
SUMMED_UP = "*"  # the subject of an alert that sums up further ones of its rule


@dataclass(slots=True)
class _Change:
    """Additions of a batch to one alert."""

    record: AlertRecord
    is_new: bool
    seqs: set[int] = field(default_factory=set)


class Raising:
    """Alerts of one tenant that a batch of signals raises or adds to."""

    def __init__(self, context: Context, tenant_pk: int) -> None:
        self._context = context
        self._tenant = tenants.tenant_by_pk(context.connection, tenant_pk)
        self._changes: dict[tuple[str, str], _Change] = {}
        self._known: dict[tuple[str, str], AlertRecord | None] = {}

    def note(self, settings: RuleSettings, signal: Signal, track: Track, *, is_met: bool) -> None:
        """Raise an alert if its rule is met, or add the signal to an open one that still goes on."""
        found = self._open(settings, signal.subject)
        if found is not None:
            if is_met or signal.at - found.record.last <= settings.window:
                self._add(found, signal, track)
        elif is_met:
            self._raise(settings, signal, track)

    def finish(self) -> None:
        """Store what was added to alerts, each once."""
        for change in self._changes.values():
            record = change.record
            alerts.change_alert(
                self._context.connection,
                record.pk,
                number=record.number,
                events=record.events,
                others=record.others,
                last=record.last,
            )
            alerts.name_events(self._context.connection, record.pk, change.seqs)

    def _open(self, settings: RuleSettings, subject: str) -> _Change | None:
        of = (settings.rule, subject)
        if of not in self._changes:
            record = alerts.open_alert(self._context.connection, self._tenant.pk, settings.rule, subject)
            if record is None:
                return None
            self._changes[of] = _Change(record, is_new=False)
        return self._changes[of]

    def _add(self, change: _Change, signal: Signal, track: Track) -> None:
        record = change.record
        number = track.number(signal.at)
        change.record = replace(
            record,
            events=record.events + 1,
            number=max(record.number, number, key=abs),
            last=max(record.last, signal.at),
        )
        change.seqs.add(signal.seq)

    def _raise(self, settings: RuleSettings, signal: Signal, track: Track) -> None:
        counted = track.counted(signal.at)
        if not self._has_room():
            self._sum_up(settings, signal, counted)
            return
        number = track.number(signal.at)
        record = self._new(settings, signal.subject, signal.name, number, counted)
        words = alert_words(settings.rule, number, signal.name, settings.minutes)
        self._context.audit(
            ALERT_RAISED,
            self._user(signal.subject),
            tenant=self._tenant,
            by="secconsole",
            reason=words,
            alert=record.id,
            alert_rule=settings.rule,
            events=len(counted),
        )
        self._mail(record, words)

    def _sum_up(self, settings: RuleSettings, signal: Signal, counted: list[Signal]) -> None:
        """Count an alert above the limits in the one that sums up all further ones of its rule."""
        found = self._open(settings, SUMMED_UP)
        if found is None:
            record = self._new(settings, SUMMED_UP, "", 0, counted)
            self._context.audit(
                ALERT_RAISED,
                tenant=self._tenant,
                by="secconsole",
                alert=record.id,
                alert_rule=settings.rule,
                reason="Too many alerts in an hour: further ones of this rule are summed up in one.",
            )
            found = self._changes[settings.rule, SUMMED_UP]
        record = found.record
        found.record = replace(
            record, others=record.others + 1, events=record.events + 1, last=max(record.last, signal.at)
        )
        found.seqs.add(signal.seq)

    def _has_room(self) -> bool:
        connection, now = self._context.connection, self._context.now
        in_an_hour = alerts.count_raised(connection, self._tenant.pk, now - HOUR)
        return in_an_hour < MOST_IN_AN_HOUR and alerts.open_alerts(connection, self._tenant.pk).count < MOST_OPEN

    def _new(
        self, settings: RuleSettings, subject: str, name: str, number: int, counted: Iterable[Signal]
    ) -> AlertRecord:
        found = list(counted)
        values: dict[str, object] = {
            "id": self._context.new_id(),
            "tenant_pk": self._tenant.pk,
            "rule": settings.rule,
            "subject": subject,
            "name": name,
            "number": number,
            "minutes": settings.minutes,
            "events": len(found) if subject != SUMMED_UP else 0,
            "created": self._context.now,
            "first": min(signal.at for signal in found),
            "last": max(signal.at for signal in found),
        }
        record = alerts.add_alert(self._context.connection, values)
        change = _Change(record, is_new=True)
        change.seqs.update(signal.seq for signal in found[-MOST_EVENTS:])
        self._changes[settings.rule, subject] = change
        return record

    def _user(self, subject: str) -> UserRecord | None:
        found = users.user_by_id(self._context.connection, subject) if subject else None
        return found if found is not None and found.tenant_pk == self._tenant.pk else None

    def _mail(self, record: AlertRecord, words: str) -> None:
        """Tell administrators by mail, unless they were mailed about several alerts in this hour."""
        connection = self._context.connection
        left = MOST_MAILED - alerts.count_raised(connection, self._tenant.pk, self._context.now - HOUR, mailed=True)
        if left > 0 and mail_alert(self._context, self._tenant, record, words, is_last=left == 1):
            alerts.change_alert(connection, record.pk, is_mailed=True)
