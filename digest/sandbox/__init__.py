"""Stand-ins for the outside world: a Phase server, an SMTP inbox and a Slack, all on loopback."""
