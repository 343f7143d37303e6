"""Static files under names that change with what is in them, so that browsers may keep them for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names within script modules too: after an upgrade a new module never imports an old one that a browser kept."""

    support_js_module_import_aggregation = True
