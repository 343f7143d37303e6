"""The configuration: ``ghostwire.yaml``, overridden by ``GHOSTWIRE_SECTION__KEY``.

``load()`` gives a frozen ``Config``; the settings put it at ``django.conf.settings.GHOSTWIRE``.
"""

from __future__ import annotations

from ghostwire_site.config.load import Config, Loaded, load
from ghostwire_site.config.problems import ConfigError, Problem

__all__ = ["Config", "ConfigError", "Loaded", "Problem", "load"]
