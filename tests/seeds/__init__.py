"""Tests of files with keys of other programs."""
