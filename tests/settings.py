"""Settings of the test suite: the product's own, with data of its own, and without what a test need not wait for."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Neither a ghostwire.yaml beside manage.py nor the environment of whoever runs the tests may change what they test.
for _name in [name for name in os.environ if name.startswith("GHOSTWIRE_") and "__" in name]:
    del os.environ[_name]
os.environ["GHOSTWIRE_CONFIG"] = os.devnull
_data_dir = tempfile.mkdtemp(prefix="ghostwire-test-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["GHOSTWIRE_SERVER__DATA_DIR"] = _data_dir
_database = os.environ.get("GHOSTWIRE_TEST_DB", "postgres")
if _database == "postgres":
    from tests.services.postgres import binaries, session_cluster

    # Without PostgreSQL's programs the tests run on SQLite; those of PostgreSQL itself say by name why they do not.
    if binaries() is not None:
        os.environ["GHOSTWIRE_DATABASE__URL"] = session_cluster().url
elif _database != "sqlite":
    raise ValueError(f"GHOSTWIRE_TEST_DB is postgres or sqlite, not {_database!r}")

from ghostwire_site.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Files are looked for when they are asked for, not all of them for each client of each test.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
# Pages are tested without collecting and compressing the static files first.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
