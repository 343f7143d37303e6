"""The pure core: values in, frozen values out. No Django, no I/O, no clock, no randomness."""
