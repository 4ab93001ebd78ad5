"""Files as the stream: the very folds of the live service, in memory, at the pace of the machine.

`files` reads lines, `arrivals` says when a live service would have heard each, `engine` folds them, `summary` ends the transcript.
"""
