"""How the agent gets onto a machine: what the portal serves, and the script that a machine runs.

The portal serves, to anybody and below ``/agent/``:

- ``install.py`` and ``install.sh`` of this folder, with each ``__GHOSTWIRE_SERVER__`` replaced by the portal's origin
  (``https://portal.example``), as ``text/plain; charset=utf-8``;
- ``wheels.json`` and ``wheels/NAME.whl``, the files that ``build_wheels`` collects (in ``build/agent``), as
  ``application/json`` and ``application/octet-stream``.

None of it is secret. The SHA-256 sums of ``wheels.json`` guard against a broken download; that it is the portal who
speaks is the business of TLS.
"""
