"""Rules of the audit: its retention, its streams to receivers, and the alerts that its entries raise."""
