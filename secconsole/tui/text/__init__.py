"""Texts shared by screens: dates, counts, users, factors, delivery."""
