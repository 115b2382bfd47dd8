"""The checks of `doctor`, which change nothing."""
