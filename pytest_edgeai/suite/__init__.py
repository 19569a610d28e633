"""Suites without Python: what ``*.edge.toml`` files state; knows no pytest."""
