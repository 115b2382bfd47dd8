"""Files with keys of authenticator apps and hardware tokens: text in, typed records out, one format to a module."""
