"""Rules of second factors, and of the codes used in their place."""
