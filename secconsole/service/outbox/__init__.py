"""Messages that are sent after commit: queue, worker and notices."""
