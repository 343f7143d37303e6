"""The top floor: settings, configuration file, URLs, ASGI, Celery, logging and the one-process runner."""

from typing import Final

__version__: Final = "0.1.0"
