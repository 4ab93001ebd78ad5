"""The forms a fold's state is kept in: rows that know what changed, and parts of bounded size."""
