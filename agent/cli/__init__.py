"""The command line: verbs, flags and output of ``ghostwire-agent``."""
