"""The figures that the design holds itself to, each a ratio of two things measured side by side in one run."""
