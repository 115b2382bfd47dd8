"""secconsole: a terminal console, and the service behind it, for an organisation's multi-factor authentication."""

__version__ = "0.1.0"
