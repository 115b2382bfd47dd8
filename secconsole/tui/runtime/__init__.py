"""The base app: terminal, driver, key queue, themes, clipboard and crash reports.

Knows no operation.
"""
