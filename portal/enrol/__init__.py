"""Enrolment in one page: whose machine, what key, the line to run, and then what becomes of the machine."""
