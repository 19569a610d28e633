"""Saved runs: what budgets were judged on, kept as plain data and answered from again."""
