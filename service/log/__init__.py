"""Where the logs and the snapshots lie: two ports (`ports.py`) and one file per adapter."""
