"""The OpenAPI document: schemas and examples, built from the operations."""
