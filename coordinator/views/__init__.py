"""REST views: read, ask a service, answer. Nothing is decided here."""
