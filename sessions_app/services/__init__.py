"""Users and credentials: issue, validate, renew, revoke, expire."""
