"""Delivery of messages to mail servers and to Twilio.

`secconsole.service.outbox` decides what to send and when.
"""
