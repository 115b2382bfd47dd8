"""Syntax of the search line of the whitelist."""

from __future__ import annotations

import pytest

from secconsole.domain.users.whitelist_search import MOST_DAYS, WhitelistFilter, parse_whitelist_search


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", WhitelistFilter()),
        ("svc backup", WhitelistFilter(("svc", "backup"))),
        ("until:none", WhitelistFilter(has_no_end=True)),
        ("until:no svc", WhitelistFilter(("svc",), has_no_end=True)),
        ("until:<7d", WhitelistFilter(ends_within=7)),
        ("until:<2w", WhitelistFilter(ends_within=14)),
        ("until:<3", WhitelistFilter(ends_within=3)),
        ("until:<99999w", WhitelistFilter(ends_within=MOST_DAYS)),
        ("until:", WhitelistFilter()),
        ("until:<", WhitelistFilter()),
        ("until:soon", WhitelistFilter(("until:soon",))),
    ],
)
def test_words_and_ends_are_read(text: str, wanted: WhitelistFilter) -> None:
    assert parse_whitelist_search(text) == wanted
