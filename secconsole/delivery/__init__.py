"""Handing messages to mail servers and to Twilio. What to send, and when, is for `secconsole.service.sending`."""
