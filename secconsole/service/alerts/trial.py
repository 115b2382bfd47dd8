"""Trial of a rule: the past audit entries, read in portions, decided by the same code as new ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import RuleSettings
from secconsole.domain.audit.alert_signals import Entry, Signal, Track, signals_of
from secconsole.domain.limits import MOST_TRIED
from secconsole.service.alerts.sweep import actions_for
from secconsole.store.audit_log import alert_sweep
from secconsole.store.audit_log.audit_chain import last_seq

PAGE = 1_000
MOST_FOUND = 100  # alerts that are returned
MOST_NAMED = 20  # entries of each
_MOST_TRACKS = 2_000  # subjects in memory, of which the quietest is dropped


@dataclass(slots=True)
class TrialAlert:
    """Alert that the rule would have raised."""

    signal: Signal  # the first that met it
    number: int
    events: int
    first: int
    last: int
    seqs: list[int]


@dataclass(slots=True)
class Trial:
    """Result of a trial, with the time up to which it went if it was too long."""

    found: deque[TrialAlert] = field(default_factory=lambda: deque(maxlen=MOST_FOUND))
    raised: int = 0
    read: int = 0
    stopped_at: int | None = None


def try_rule(connection: sa.Connection, tenant_pk: int, settings: RuleSettings, since: int) -> Trial:
    """Apply a rule to the entries since a time, each subject counting from zero after it was quiet for a window."""
    trial, tracks, current = Trial(), _Tracks(settings), dict[str, TrialAlert]()
    for entry in _entries(connection, tenant_pk, settings, since, trial):
        for signal in signals_of(entry, [settings]):
            track = tracks.of(signal.subject)
            is_met = track.add(signal)
            found = current.get(signal.subject)
            if found is not None and (is_met or signal.at - found.last <= settings.window):
                _extend(found, signal, track)
            elif is_met:
                current[signal.subject] = _begin(trial, signal, track)
    return trial


def _begin(trial: Trial, signal: Signal, track: Track) -> TrialAlert:
    counted = track.counted(signal.at)
    seqs = [one.seq for one in counted[:MOST_NAMED]]
    found = TrialAlert(signal, track.number(signal.at), len(counted), counted[0].at, signal.at, seqs)
    trial.raised += 1
    trial.found.append(found)
    return found


def _extend(found: TrialAlert, signal: Signal, track: Track) -> None:
    found.number = max(found.number, track.number(signal.at), key=abs)
    found.events += 1
    found.last = signal.at
    if len(found.seqs) < MOST_NAMED:
        found.seqs.append(signal.seq)


class _Tracks:
    """Tracks of a bounded number of subjects."""

    def __init__(self, settings: RuleSettings) -> None:
        self._settings = settings
        self._tracks: dict[str, Track] = {}

    def of(self, subject: str) -> Track:
        track = self._tracks.pop(subject, None) or Track(self._settings)
        self._tracks[subject] = track
        if len(self._tracks) > _MOST_TRACKS:
            del self._tracks[next(iter(self._tracks))]
        return track


def _entries(
    connection: sa.Connection, tenant_pk: int, settings: RuleSettings, since: int, trial: Trial
) -> Iterator[Entry]:
    refused, others = actions_for([settings])
    after, until = alert_sweep.seq_at(connection, tenant_pk, since), last_seq(connection, tenant_pk)
    while True:
        page = alert_sweep.entries_between(connection, tenant_pk, after, until, refused, others, PAGE)
        trial.read += len(page)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].seq
        if trial.read >= MOST_TRIED:
            trial.stopped_at = page[-1].at
            return
