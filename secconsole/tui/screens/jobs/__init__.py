"""Jobs: acts on many users, started, followed and steered."""
