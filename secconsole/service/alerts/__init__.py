"""Alerts of suspicious activity: the rules applied to new audit entries, and to past ones for a trial."""
