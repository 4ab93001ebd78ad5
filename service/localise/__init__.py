"""Which combinations of values carry a deviation: the fewest that explain it, in any measure that adds up."""
