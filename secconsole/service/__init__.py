"""Business logic: one pipeline for all operations, and a handler for each that reads like its rule."""
