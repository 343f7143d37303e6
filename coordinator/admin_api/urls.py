"""The administration API, below /api/v1/admin/."""

from __future__ import annotations

from django.urls import path

from coordinator.admin_api.views.api_tokens import ApiTokenDetail, ApiTokenList, ApiTokenRevoke
from coordinator.admin_api.views.auth_keys import AuthKeyDetail, AuthKeyList, AuthKeyRevoke
from coordinator.admin_api.views.changes import ChangeDelivery, ChangeDetail, ChangeList
from coordinator.admin_api.views.dns_records import DnsRecordDetail, DnsRecordList
from coordinator.admin_api.views.enrolments import EnrolmentApprove, EnrolmentDetail, EnrolmentList, EnrolmentReject
from coordinator.admin_api.views.events import EventDetail, EventList
from coordinator.admin_api.views.groups import GroupDetail, GroupList
from coordinator.admin_api.views.hosts import HostDetail, HostList
from coordinator.admin_api.views.jobs import JobCancel, JobDetail, JobList, JobStarting, JobUndo
from coordinator.admin_api.views.networks import NetworkDetail, NetworkList
from coordinator.admin_api.views.nodes import (
    NodeDetail,
    NodeDisable,
    NodeEnable,
    NodeExpire,
    NodeHistory,
    NodeList,
    NodeNetmap,
    NodeRotateKey,
    NodeRotateKeys,
    NodeRoutesApprove,
    NodeRoutesWithdraw,
    NodeTraffic,
)
from coordinator.admin_api.views.policy import PolicyDetail
from coordinator.admin_api.views.policy_graph import PolicyGraphView
from coordinator.admin_api.views.policy_questions import PolicyExplain, PolicyLint, PolicyMatrixView, PolicyPreviewView
from coordinator.admin_api.views.policy_tests import TestDetail, TestList
from coordinator.admin_api.views.policy_trial import TrialConfirm, TrialDetail, TrialRevert
from coordinator.admin_api.views.policy_versions import (
    VersionDetail,
    VersionDiff,
    VersionDocument,
    VersionList,
    VersionRollback,
)
from coordinator.admin_api.views.relays import RelayDetail, RelayList, RelayServerDetail, RelayServerList
from coordinator.admin_api.views.retired_keys import RetiredKeyDetail, RetiredKeyList
from coordinator.admin_api.views.rules import RuleDetail, RuleList, RuleOrderAll, RuleReorder
from coordinator.admin_api.views.sessions import SessionDetail, SessionList, SessionRevoke
from coordinator.admin_api.views.status import StatusDetail, StatusSamples
from coordinator.admin_api.views.tags import TagDetail, TagList
from coordinator.admin_api.views.users import (
    UserDetail,
    UserDisable,
    UserEnable,
    UserInvitation,
    UserList,
    UserPasswordLink,
)

urlpatterns = [
    path("status", StatusDetail.as_view()),
    path("status/samples", StatusSamples.as_view()),
    path("networks", NetworkList.as_view()),
    path("networks/<slug:name>", NetworkDetail.as_view()),
    path("nodes", NodeList.as_view()),
    path("nodes/<int:pk>", NodeDetail.as_view()),
    path("nodes/<int:pk>/disable", NodeDisable.as_view()),
    path("nodes/<int:pk>/enable", NodeEnable.as_view()),
    path("nodes/<int:pk>/expire", NodeExpire.as_view()),
    path("nodes/<int:pk>/history", NodeHistory.as_view()),
    path("nodes/<int:pk>/traffic", NodeTraffic.as_view()),
    path("nodes/rotate-keys", NodeRotateKeys.as_view()),
    path("nodes/<int:pk>/rotate-key", NodeRotateKey.as_view()),
    path("nodes/<int:pk>/netmap", NodeNetmap.as_view()),
    path("nodes/<int:pk>/routes/approve", NodeRoutesApprove.as_view()),
    path("nodes/<int:pk>/routes/withdraw", NodeRoutesWithdraw.as_view()),
    path("jobs", JobList.as_view()),
    path("jobs/<int:pk>", JobDetail.as_view()),
    path("jobs/<int:pk>/start", JobStarting.as_view()),
    path("jobs/<int:pk>/cancel", JobCancel.as_view()),
    path("jobs/<int:pk>/undo", JobUndo.as_view()),
    path("auth-keys", AuthKeyList.as_view()),
    path("auth-keys/<int:pk>", AuthKeyDetail.as_view()),
    path("auth-keys/<int:pk>/revoke", AuthKeyRevoke.as_view()),
    path("enrolments", EnrolmentList.as_view()),
    path("enrolments/<int:pk>", EnrolmentDetail.as_view()),
    path("enrolments/<int:pk>/approve", EnrolmentApprove.as_view()),
    path("enrolments/<int:pk>/reject", EnrolmentReject.as_view()),
    path("sessions", SessionList.as_view()),
    path("sessions/<int:pk>", SessionDetail.as_view()),
    path("sessions/<int:pk>/revoke", SessionRevoke.as_view()),
    path("users", UserList.as_view()),
    path("users/invite", UserInvitation.as_view()),
    path("users/<int:pk>", UserDetail.as_view()),
    path("users/<int:pk>/password-link", UserPasswordLink.as_view()),
    path("users/<int:pk>/disable", UserDisable.as_view()),
    path("users/<int:pk>/enable", UserEnable.as_view()),
    path("api-tokens", ApiTokenList.as_view()),
    path("api-tokens/<int:pk>", ApiTokenDetail.as_view()),
    path("api-tokens/<int:pk>/revoke", ApiTokenRevoke.as_view()),
    path("retired-keys", RetiredKeyList.as_view()),
    path("retired-keys/<int:pk>", RetiredKeyDetail.as_view()),
    path("relays", RelayList.as_view()),
    path("relays/<int:pk>", RelayDetail.as_view()),
    path("relays/<int:region_pk>/servers", RelayServerList.as_view()),
    path("relays/<int:region_pk>/servers/<int:pk>", RelayServerDetail.as_view()),
    path("dns-records", DnsRecordList.as_view()),
    path("dns-records/<int:pk>", DnsRecordDetail.as_view()),
    path("events", EventList.as_view()),
    path("events/<slug:ref>", EventDetail.as_view()),
    path("changes", ChangeList.as_view()),
    path("changes/<int:version>", ChangeDetail.as_view()),
    path("changes/<int:version>/delivery", ChangeDelivery.as_view()),
    path("acl/rules", RuleList.as_view()),
    path("acl/rules/order", RuleOrderAll.as_view()),
    path("acl/rules/<int:pk>", RuleDetail.as_view()),
    path("acl/rules/<int:pk>/move", RuleReorder.as_view()),
    path("acl/groups", GroupList.as_view()),
    path("acl/groups/<int:pk>", GroupDetail.as_view()),
    path("acl/hosts", HostList.as_view()),
    path("acl/hosts/<int:pk>", HostDetail.as_view()),
    path("acl/tags", TagList.as_view()),
    path("acl/tags/<int:pk>", TagDetail.as_view()),
    path("policy", PolicyDetail.as_view()),
    path("policy/preview", PolicyPreviewView.as_view()),
    path("policy/explain", PolicyExplain.as_view()),
    path("policy/matrix", PolicyMatrixView.as_view()),
    path("policy/graph", PolicyGraphView.as_view()),
    path("policy/tests", TestList.as_view()),
    path("policy/tests/<int:pk>", TestDetail.as_view()),
    path("policy/trial", TrialDetail.as_view()),
    path("policy/trial/confirm", TrialConfirm.as_view()),
    path("policy/trial/revert", TrialRevert.as_view()),
    path("policy/lint", PolicyLint.as_view()),
    path("policy/versions", VersionList.as_view()),
    path("policy/versions/<int:number>", VersionDetail.as_view()),
    path("policy/versions/<int:number>/document", VersionDocument.as_view()),
    path("policy/versions/<int:number>/diff", VersionDiff.as_view()),
    path("policy/versions/<int:number>/rollback", VersionRollback.as_view()),
]
