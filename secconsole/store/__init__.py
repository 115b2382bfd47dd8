"""Storage: one SQLAlchemy Core schema, its queries, the sealing of secrets, and the runners of transactions."""
