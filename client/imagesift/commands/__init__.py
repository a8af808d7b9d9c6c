"""The commands: each reads its arguments, asks the portal, tells the person, and returns the status to exit with."""
