"""The only part that talks to the world: one file per kind of receiver, one port, one dispatcher.

A delivery has ended when its receipt stands in the journal. Errors of the world are values (`port.Outcome`), never exceptions.
"""
