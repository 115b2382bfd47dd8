"""Interface for network devices: sign-ins by RADIUS (RFC 2865), as operations on a store or a server."""
