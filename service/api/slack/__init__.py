"""What comes back from Slack: presses of buttons, modals, the slash command. Whoever speaks proves it by Slack's signature, not by a token.

`door.py` verifies, `hearing.py` answers in time, `reading.py` makes a press of a payload, `deciding.py` decides without I/O, `doing.py` carries it out,
`asking.py` answers `/spend`, `planning.py` takes up `/spend plan`.
"""
