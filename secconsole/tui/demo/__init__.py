"""Parts that only a demo has: account list, hints and inbox."""
