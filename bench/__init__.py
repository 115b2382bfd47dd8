"""Measurements against the design's limits, most of them ratios of two values from the same run."""
