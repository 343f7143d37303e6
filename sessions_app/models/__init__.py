from sessions_app.models.api_token import ApiToken
from sessions_app.models.audit import AuditEntry
from sessions_app.models.auth_key import AuthKey, AuthKeyUse
from sessions_app.models.challenge import UsedChallenge
from sessions_app.models.enrolment import Enrolment
from sessions_app.models.password_link import PasswordLink
from sessions_app.models.portal_session import PortalSession
from sessions_app.models.session import NodeSession
from sessions_app.models.user import User

__all__ = [
    "ApiToken",
    "AuditEntry",
    "AuthKey",
    "AuthKeyUse",
    "Enrolment",
    "NodeSession",
    "PasswordLink",
    "PortalSession",
    "UsedChallenge",
    "User",
]
