"""The way in for people: login, invitations, and where each begins."""
