"""What those on the other side of our interfaces may use: it knows nothing of the service."""
