"""Delivery of audit entries to receivers: syslog over TLS or a UNIX socket, and signed webhooks."""
