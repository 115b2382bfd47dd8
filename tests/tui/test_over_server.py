"""What the places do, done over a server: the tests of the embedded console again, each place and kind of dialog."""

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
    test_account.test_all_others_are_ended_and_this_one_stays,
    test_account.test_j6_a_token_is_made_shown_once_and_saved,
    test_account.test_w4_j4_mfa_is_cancelled_while_it_is_on_after_saying_what_ends,
    test_audit.test_on_the_first_line_the_list_follows,
    test_audit.test_verify_says_in_words_that_the_chain_is_whole,
    test_audit.test_export_writes_private_files_with_harmless_cells,
    test_frame.test_a_policy_changed_elsewhere_is_in_the_header_at_once,
    test_frame.test_a_role_changed_elsewhere_holds_at_once,
    test_frame.test_what_matters_asks_again_once_the_proof_is_old,
    test_frame.test_only_platform_administrators_change_the_tenant,
    test_frame.test_an_operation_after_the_session_has_ended_leads_to_the_sign_in,
    test_lock.test_a25_wrong_entries_are_said_and_counted_and_the_right_ones_lead_back,
    test_lock.test_what_others_change_is_there_when_one_is_back,
    test_lock.test_a_session_ended_elsewhere_leads_to_the_sign_in_and_then_back_to_the_place,
    test_overview.test_enter_leads_to_the_people_counted,
    test_settings.test_z1_switching_needs_password_and_code_and_two_steps_past_cancel,
    test_settings.test_a47_somebody_else_changed_it_meanwhile,
    test_unbind.test_keys_typed_in_one_burst_land_in_the_dialog,
    test_unbind.test_a_long_unbinding_is_one_event_and_can_be_stopped_and_gone_on_with,
    test_unbind.test_when_the_proof_is_too_old_it_is_asked_for_and_then_gone_on,
    test_users.test_search_narrows_as_one_types_and_escape_shows_everybody,
    test_users.test_marks_survive_filters_and_live_changes,
    test_users_actions.test_a_new_user_is_made_and_gets_a_one_time_password,
    test_user_enroll.test_enrolling_beside_somebody_binds_only_after_a_right_code,
    test_whitelist.test_paste_lists_what_is_unknown_before_anything_is_done,
    test_whitelist.test_another_console_sees_a_new_entry_and_keeps_its_cursor,
)
globals().update({test.__name__: test for test in AGAIN})
