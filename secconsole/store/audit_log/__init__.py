"""Audit entries as chains, their signed heads, streams, retention and alerts."""
