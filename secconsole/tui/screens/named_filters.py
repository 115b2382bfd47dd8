"""Searches that the user named, each on a digit, kept for this context across restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from secconsole.config.view_state import MOST_FILTERS, NamedFilter, PlaceView
from secconsole.tui.actions import Action
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.widgets.form_fields import Button, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

_ADD, _FORGET = "add", "forget"


class NamedFiltersDialog(PickDialog["str | None"]):
    """Returns the position of the chosen filter, or the name of a command about filters."""

    def __init__(self, filters: tuple[NamedFilter, ...], search: str, *, forgets: bool = False) -> None:
        picks = [Pick(str(at), one.name, one.search) for at, one in enumerate(filters)]
        is_new = search and search not in {one.search for one in filters}
        if not forgets and is_new and len(filters) < MOST_FILTERS:
            picks.append(Pick(_ADD, "Name this search", search))
        if not forgets and filters:
            picks.append(Pick(_FORGET, "Forget one"))
        title = "Forget a filter" if forgets else "Named filters"
        body = "" if filters else "None yet. Search for something, and name the search here."
        super().__init__(title, body, picks, back="Close")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class NameDialog(SubmitDialog["str | None"]):
    """Asks for the name of a search."""

    has_command = False

    def __init__(self, search: str) -> None:
        field = TextField(name="name", label="Name", needed=True, max_length=40)
        super().__init__("Name this search", search, [field], [cancel(), Button("keep", "Keep")], focus="name")

    async def submit(self, button: str, values: Values) -> str:
        return str(values["name"]).strip()


async def named_filters(place: Any) -> None:
    """Search by a named filter, name the current search, or forget a name."""
    view: PlaceView = place.view
    search = " ".join(place.bar.text.split())
    picked = await place.app.ask(NamedFiltersDialog(view.filters, search))
    if picked == _ADD:
        if name := await place.app.ask(NameDialog(search)):
            place.view = replace(place.view, filters=(*view.filters, NamedFilter(name, search)))
            place.app.notify_done(f"Kept as {name}: F, then {len(view.filters) + 1}.")
    elif picked == _FORGET:
        which = await place.app.ask(NamedFiltersDialog(view.filters, "", forgets=True))
        if which is not None:
            left = tuple(one for at, one in enumerate(view.filters) if at != int(which))
            place.view = replace(place.view, filters=left)
    elif picked is not None:
        await place.search_for(view.filters[int(picked)].search)


def named_filters_action(place: str) -> Action:
    """Return the action of a place, which has `bar` and `search_for`."""
    return Action(
        f"{place}.named-filters",
        "Named filters",
        "F",
        "Search by a filter that you named, or name this search: F and a digit.",
        priority=9,
        run=named_filters,
    )
