"""Pages outside /admin/ for everybody with a login: own devices, own tokens, password and sessions."""
