"""Sign-ins through PAM: the agent, the module, and a real OpenSSH server."""
