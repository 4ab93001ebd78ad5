"""The second fold: the journal's facts become incidents, notices and orders.

Pure like the meter: what it decides depends on its state and the rows alone. One file per decision: `budgets`, `windows` (what is
normal), `incidents` (the table of every step), `orders` (who is stopped, and the proof), `routing` (who is told), `controls`.
"""
