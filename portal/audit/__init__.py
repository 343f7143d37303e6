"""Where refusals and logins are seen: hooks that tell the audit trail, and decide nothing."""
