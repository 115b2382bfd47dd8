"""Store on PostgreSQL: runner, writer, address and errors."""
