"""The Django portal: accounts, images, and everything people see."""
