"""The one process of ``manage.py serve``: portal, API, sockets and periodic tasks together."""
