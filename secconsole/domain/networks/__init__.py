"""Rules of networks and addresses: of callers, and of servers that are connected to."""
