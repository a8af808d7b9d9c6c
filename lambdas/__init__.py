"""The functions on AWS: one folder for each, with a thin `handler.py`; what they share stands beside the folders."""
