"""Who may do what: one table over every URL, method, act, field, verb and socket, written by hand as it is meant.

``table/`` says what is meant, ``test_whole.py`` that nothing is missing from it, the others that the portal obeys it.
"""
