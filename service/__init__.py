"""Spendwarden: watches what AI agents spend, call by call, and stops the runaway ones."""
