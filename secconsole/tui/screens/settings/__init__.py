"""Security settings: the policy, factor kinds, how codes are sent, the secret key."""
