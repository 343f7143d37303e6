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
if os.environ.get("GHOSTWIRE_TEST_DB") == "postgres":
    from tests.services.postgres import session_cluster

    os.environ["GHOSTWIRE_DATABASE__URL"] = session_cluster().url

from ghostwire_site.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
# Pages are tested without collecting and compressing the static files first.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
