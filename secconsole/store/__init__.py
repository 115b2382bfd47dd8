"""The store: one SQLAlchemy Core schema, its queries, the sealing of secrets, and the runner of transactions."""
