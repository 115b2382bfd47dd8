"""One signed-in session: its connection, live updates, lock, navigation and contexts."""
