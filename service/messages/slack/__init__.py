"""Slack's form of what a person reads and presses: blocks, buttons, modals, and the text for those who see no blocks. Pure.

Slack's mark-up is known here alone: every text from outside passes `text.escaped` or `text.fitted`, and every limit of Slack's has a name.
"""
