"""Who uses the portal: users, their data to take along, and their leaving."""
