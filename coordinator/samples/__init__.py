"""How the networks and the workers did, minute by minute: taken, added up, kept for a while, and read for charts."""

from coordinator.samples.keep import forget_samples, roll_up
from coordinator.samples.read import Series, read_series
from coordinator.samples.take import take_samples
from coordinator.samples.times import MapTimes, map_times

__all__ = ["MapTimes", "Series", "forget_samples", "map_times", "read_series", "roll_up", "take_samples"]
