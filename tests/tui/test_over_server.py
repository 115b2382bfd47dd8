"""The places over a server: tests of the embedded console again, for each place and kind of dialog."""

from __future__ import annotations

import pytest_asyncio

from tests.tui import (
    test_account,
    test_audit,
    test_frame,
    test_lock,
    test_overview,
    test_settings,
    test_unbind,
    test_user_enroll,
    test_users,
    test_users_actions,
    test_whitelist,
)
from tests.tui.conftest import OpenConsole
from tests.tui.test_account import own_home  # noqa: F401 - a fixture


@pytest_asyncio.fixture
async def console(remote: OpenConsole) -> OpenConsole:
    """In the place of the embedded one that these tests were written for."""
    return remote


AGAIN = (
    test_account.test_another_phone_takes_over_once_it_is_confirmed,
    test_account.test_all_other_sessions_are_ended,
    test_account.test_j6_a_token_is_created_shown_once_and_saved,
    test_account.test_w4_j4_mfa_is_cancelled_while_it_is_on_after_saying_what_ends,
    test_audit.test_the_list_follows_new_entries_on_the_first_line,
    test_audit.test_verify_reports_an_intact_chain,
    test_audit.test_export_writes_private_files_with_harmless_cells,
    test_frame.test_a_policy_changed_elsewhere_is_in_the_header_at_once,
    test_frame.test_a_role_changed_elsewhere_ends_the_session_at_once,
    test_frame.test_an_expired_step_up_is_asked_for_again,
    test_frame.test_only_platform_administrators_change_the_tenant,
    test_frame.test_an_operation_in_an_ended_session_opens_the_sign_in,
    test_lock.test_a25_wrong_entries_are_counted_and_right_ones_unlock,
    test_lock.test_changes_of_others_are_shown_after_unlocking,
    test_lock.test_a_session_ended_elsewhere_returns_to_the_place_after_sign_in,
    test_overview.test_enter_opens_the_counted_users,
    test_settings.test_z1_switching_requires_step_up_and_two_confirmations,
    test_settings.test_a47_a_concurrent_change_is_reported,
    test_unbind.test_keys_typed_in_one_burst_reach_the_dialog,
    test_unbind.test_a_long_unbinding_is_a_job,
    test_unbind.test_an_expired_step_up_is_asked_for_and_the_unbinding_resumes,
    test_users.test_search_filters_while_typing_and_escape_clears_it,
    test_users.test_marks_survive_filters_and_live_changes,
    test_users_actions.test_a_new_user_is_created_with_a_one_time_password,
    test_user_enroll.test_enrolling_with_a_user_present_requires_a_right_code,
    test_whitelist.test_paste_keeps_the_list_and_lets_all_that_is_refused_be_corrected,
    test_whitelist.test_another_console_sees_a_new_entry_and_keeps_its_cursor,
)
globals().update({test.__name__: test for test in AGAIN})
