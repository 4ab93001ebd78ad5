"""The first fold: one partition of the stream becomes tallies and findings.

It forgets repeats, prices what carries no cost, follows executions and keeps absolute totals by cell. It is pure: what it says
depends on its state and the rows alone, and it speaks only at marks of the log's own time, so batches change nothing.
"""
