"""What people and orchestrators get to see, played by the real service before a Slack, a Jira and an orchestrator of our own: `python -m tests.show`."""
