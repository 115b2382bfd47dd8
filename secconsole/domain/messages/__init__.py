"""Rules of mail and text messages: addresses, numbers, lengths and caps."""
