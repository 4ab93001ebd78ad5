"""What comes back from Slack: presses of buttons, modals, the slash command. Whoever speaks proves it by Slack's signature, not by a token.

`door.py` reads and verifies, `reading.py` makes a press of a payload, `deciding.py` decides without I/O, `doing.py` carries it out,
`asking.py` answers `/spend`.
"""
