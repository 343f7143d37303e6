"""Every model's pages, registered with the portal's own site."""

from __future__ import annotations

from acl.models import (
    AclRule,
    AutoApproval,
    AutoApprover,
    Group,
    GroupMember,
    Host,
    NodeAttribute,
    PolicyBoundary,
    PolicyClock,
    PolicyTest,
    PolicyTrial,
    PolicyVersion,
    TagOwner,
)
from nodes.models import (
    Address,
    Change,
    DnsRecord,
    Endpoint,
    HistoryCursor,
    Job,
    NameReservation,
    Network,
    Node,
    NodeTag,
    Observation,
    OnlineSpan,
    RelayRegion,
    RelayServer,
    RetiredKey,
    Route,
    Sample,
    TrafficHour,
    TrafficTotal,
)
from portal.admin.address import AddressAdmin, NameReservationAdmin
from portal.admin.api_token import ApiTokenAdmin
from portal.admin.audit_entry import AuditEntryAdmin
from portal.admin.auth_key import AuthKeyAdmin, AuthKeyUseAdmin
from portal.admin.challenge import UsedChallengeAdmin
from portal.admin.change import ChangeAdmin
from portal.admin.dns import DnsRecordAdmin
from portal.admin.endpoint import EndpointAdmin
from portal.admin.enrolment import EnrolmentAdmin
from portal.admin.group import GroupAdmin, GroupMemberAdmin
from portal.admin.history import HistoryCursorAdmin, OnlineSpanAdmin
from portal.admin.host import HostAdmin
from portal.admin.job import JobAdmin
from portal.admin.network import NetworkAdmin
from portal.admin.node import NodeAdmin
from portal.admin.observation import ObservationAdmin
from portal.admin.password_link import PasswordLinkAdmin
from portal.admin.policy_part import AutoApprovalAdmin, AutoApproverAdmin, NodeAttributeAdmin, PolicyTestAdmin
from portal.admin.policy_trial import PolicyTrialAdmin
from portal.admin.policy_version import PolicyBoundaryAdmin, PolicyClockAdmin, PolicyVersionAdmin
from portal.admin.relay import RelayRegionAdmin
from portal.admin.relay_server import RelayServerAdmin
from portal.admin.retired_key import RetiredKeyAdmin
from portal.admin.route import RouteAdmin
from portal.admin.rule import AclRuleAdmin
from portal.admin.sample import SampleAdmin
from portal.admin.session import NodeSessionAdmin
from portal.admin.tag import NodeTagAdmin, TagOwnerAdmin
from portal.admin.traffic import TrafficHourAdmin, TrafficTotalAdmin
from portal.admin.user import UserAdmin
from portal.site import site
from sessions_app.models import (
    ApiToken,
    AuditEntry,
    AuthKey,
    AuthKeyUse,
    Enrolment,
    NodeSession,
    PasswordLink,
    UsedChallenge,
    User,
)

for _model, _admin in (
    (Network, NetworkAdmin),
    (Node, NodeAdmin),
    (NodeTag, NodeTagAdmin),
    (Address, AddressAdmin),
    (NameReservation, NameReservationAdmin),
    (Endpoint, EndpointAdmin),
    (Observation, ObservationAdmin),
    (OnlineSpan, OnlineSpanAdmin),
    (Sample, SampleAdmin),
    (HistoryCursor, HistoryCursorAdmin),
    (Job, JobAdmin),
    (TrafficHour, TrafficHourAdmin),
    (TrafficTotal, TrafficTotalAdmin),
    (Route, RouteAdmin),
    (RetiredKey, RetiredKeyAdmin),
    (RelayRegion, RelayRegionAdmin),
    (RelayServer, RelayServerAdmin),
    (DnsRecord, DnsRecordAdmin),
    (Change, ChangeAdmin),
    (AclRule, AclRuleAdmin),
    (Group, GroupAdmin),
    (GroupMember, GroupMemberAdmin),
    (Host, HostAdmin),
    (TagOwner, TagOwnerAdmin),
    (PolicyVersion, PolicyVersionAdmin),
    (PolicyTest, PolicyTestAdmin),
    (PolicyTrial, PolicyTrialAdmin),
    (PolicyClock, PolicyClockAdmin),
    (PolicyBoundary, PolicyBoundaryAdmin),
    (AutoApprover, AutoApproverAdmin),
    (AutoApproval, AutoApprovalAdmin),
    (NodeAttribute, NodeAttributeAdmin),
    (User, UserAdmin),
    (AuthKey, AuthKeyAdmin),
    (AuthKeyUse, AuthKeyUseAdmin),
    (Enrolment, EnrolmentAdmin),
    (NodeSession, NodeSessionAdmin),
    (ApiToken, ApiTokenAdmin),
    (PasswordLink, PasswordLinkAdmin),
    (AuditEntry, AuditEntryAdmin),
    (UsedChallenge, UsedChallengeAdmin),
):
    site.register(_model, _admin)
