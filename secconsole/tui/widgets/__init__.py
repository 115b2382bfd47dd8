"""Widgets of the console that know no place: form, table, header, QR code."""
