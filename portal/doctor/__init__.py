"""What `manage.py doctor` looks at before `pulumi up`: this machine, the account, and whether the stack fits it."""
