"""Values that all examples share: one tenant on one morning, its people, secrets and ids."""

from __future__ import annotations

from datetime import UTC, datetime

from secconsole.domain.factors.bypass import bypass_code
from secconsole.domain.factors.recovery import RANDOM_BYTES, recovery_code
from secconsole.domain.secret import Secret

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TENANT = "acme"
REASON, TICKET = "lost her phone, showed her badge at the desk", "HD-4711"
PASSWORD = Secret("correct horse battery staple")
ANOTHER = Secret("seven quiet otters by the weir")
CODE = Secret("492817")
BYPASS = bypass_code(b"0123456789")
SESSION_TOKEN = Secret("s_4tq8Zk1vXw7mBq2Rr0yJ6c5d3f9H1aLuPeGoTnKi")
CHALLENGE = Secret("c_9fW3nQxT0bR5uY7kEoL2hV8zMjD4aSgC1pXiNqKt")
ANA, BEN, ROOT = "01KAMZ8X5R3T7W9Y2B4D6F8H0J", "01KAMZ9B7N1Q3S5V8X0Z2C4E6G", "01KAMYTQ0A2C4E6G8J0M2P4R6T"
FACTOR_ID, PENDING_ID = "01KAN0C1D3F5H7K9N1Q3S5V7X9", "01KAN4H2J4M6P8R0T2W4Y6A8C0"
SESSION = "01KAN1D5F7H9K1N3Q5S7V9X1Z3"
EVENT = "01KAN7M3P5R7T9W1Y3A5C7E9G1"
RECOVERY = tuple(recovery_code(bytes([number]) * RANDOM_BYTES) for number in range(17, 177, 16))
OLD_KEY, NEW_KEY = "01KA1S6V8X0Z2B4D6F8H0K2M4P", "01KAN9T7W9Y1A3C5E7G9J1M3Q5"
