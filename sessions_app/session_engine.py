"""Django's sessions in the database, with columns that say whose each is and when it was seen last.

A row is found by a digest of what the browser's cookie holds: who reads the database can log in as nobody.
``SESSION_ENGINE`` names this module. What a login notes of itself (``note_login``) travels in the session's data.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from asgiref.sync import sync_to_async
from blake3 import blake3
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from sessions_app.models import PortalSession

LOGIN_KEY: Final = "gw-login"
KEY_CONTEXT: Final = "ghostwire v1 portal session"
SEEN_EVERY: Final = timedelta(minutes=5)
"""That a session was seen is written at most this often: looking at pages must not all become writes."""


def row_key(session_key: str) -> str:
    """Under what the session of a cookie stands in the database: 40 hexadecimal digits, which open nothing.

    A fast hash is right: a key is 32 random characters, there is nothing to guess that slowness would protect.
    """
    return blake3(session_key.encode(errors="replace"), derive_key_context=KEY_CONTEXT).hexdigest(20)


def note_login(session: SessionBase, *, origin: str, browser: str, now: datetime) -> None:
    """Remembers when and from where the person of a session logged in, and with what."""
    session[LOGIN_KEY] = {"at": now.isoformat(), "origin": origin[:64], "browser": browser[:200]}


class SessionStore(DatabaseStore):
    """Rows of ``PortalSession``."""

    @classmethod
    def get_model_class(cls) -> type[PortalSession]:
        """Ours."""
        return PortalSession

    def create_model_instance(self, data: dict[str, Any]) -> PortalSession:
        """The row of a session with ``data``."""
        return self._row(self._get_or_create_session_key(), data)  # type: ignore[attr-defined]

    async def acreate_model_instance(self, data: dict[str, Any]) -> PortalSession:
        """The same."""
        return self._row(await self._aget_or_create_session_key(), data)  # type: ignore[attr-defined]

    def exists(self, session_key: str) -> bool:
        """Whether there is a session of this key."""
        return PortalSession.objects.filter(pk=row_key(session_key)).exists()

    async def aexists(self, session_key: str) -> bool:
        """The same."""
        return await sync_to_async(self.exists)(session_key)

    def delete(self, session_key: str | None = None) -> None:
        """Ends the session of this key, or of this store."""
        key = self.session_key if session_key is None else session_key
        if key is not None:
            PortalSession.objects.filter(pk=row_key(key)).delete()

    async def adelete(self, session_key: str | None = None) -> None:
        """The same."""
        await sync_to_async(self.delete)(session_key)

    def _get_session_from_db(self) -> PortalSession | None:
        now = timezone.now()
        row = PortalSession.objects.filter(pk=row_key(self.session_key or ""), expire_date__gt=now).first()
        if row is None:
            self._session_key = None
        elif row.user_id is not None and (row.seen_at is None or now - row.seen_at >= SEEN_EVERY):
            PortalSession.objects.filter(pk=row.pk).update(seen_at=now)
        return row

    async def _aget_session_from_db(self) -> PortalSession | None:
        return await sync_to_async(self._get_session_from_db)()

    def _row(self, session_key: str, data: dict[str, Any]) -> PortalSession:
        login = data.get(LOGIN_KEY) or {}
        return PortalSession(
            session_key=row_key(session_key),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=int(data[SESSION_KEY]) if SESSION_KEY in data else None,
            began_at=datetime.fromisoformat(login["at"]) if login else None,
            origin=login.get("origin", ""),
            browser=login.get("browser", ""),
            seen_at=timezone.now(),
        )
