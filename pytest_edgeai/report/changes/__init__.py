"""What changed between two saved runs."""
