"""Binding factors, and recovery codes: at a sign-in, in My account, and for somebody else."""
