"""The top floor: settings, configuration file, URLs, ASGI, Celery, logging and the one-process runner."""
