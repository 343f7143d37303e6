"""The URLs of the pages about the policy as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, path

from portal.policy.assertions import test_add_page, test_delete_page, test_page, tests_page
from portal.policy.file import file_download, file_page, file_state
from portal.policy.history import history_page
from portal.policy.restore import restore_page
from portal.policy.trial import confirm_page, revert_page
from portal.policy.version import document_download, effect_part, version_page

if TYPE_CHECKING:
    from portal.areas import Guard


def pages(guard: Guard) -> list[URLPattern]:
    """Below ``/admin/``."""
    return [
        path("access/trial/<int:pk>/confirm/", guard(confirm_page), name="policy_trial_confirm"),
        path("access/trial/<int:pk>/revert/", guard(revert_page), name="policy_trial_revert"),
        path("access/tests/", guard(tests_page), name="policy_tests"),
        path("access/tests/add/", guard(test_add_page), name="policy_test_add"),
        path("access/tests/<int:pk>/", guard(test_page), name="policy_test"),
        path("access/tests/<int:pk>/delete/", guard(test_delete_page), name="policy_test_delete"),
        path("access/file/", guard(file_page), name="policy_file"),
        path("access/file/state/", guard(file_state), name="policy_file_state"),
        path("access/file/download/", guard(file_download), name="policy_file_download"),
        path("access/history/", guard(history_page), name="policy_history"),
        path("access/history/<int:number>/", guard(version_page), name="policy_version"),
        path("access/history/<int:number>/document/", guard(document_download), name="policy_version_document"),
        path("access/history/<int:number>/effect/", guard(effect_part), name="policy_effect"),
        path("access/history/<int:number>/restore/", guard(restore_page), name="policy_restore"),
    ]
