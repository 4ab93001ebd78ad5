"""What lives in a process around the engine: the front door, workers and their leases, couriers, books, metrics."""
