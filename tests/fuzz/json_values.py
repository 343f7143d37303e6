"""JSON values as machines send them by mistake or on purpose."""

from __future__ import annotations

from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            " ",
            "\0",
            "\x7f",
            "\u200b",
            "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
            "a" * 300,
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ENDPOINTS = st.one_of(
    st.builds("{}:{}".format, st.ip_addresses(v=4), st.integers(-1, 70_000)),
    st.builds("[{}]:{}".format, st.ip_addresses(v=6), st.integers(-1, 70_000)),
    st.text(max_size=30),
)
PREFIXES = st.one_of(
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 33)),
    st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 129)),
    st.text(max_size=30),
)
POSTURE = st.dictionaries(st.text(max_size=12), SCALARS, max_size=6)
LATENCIES = st.dictionaries(st.integers(-1, 2**40).map(str) | st.text(max_size=6), SCALARS, max_size=4)
