"""What each component of a chip costs, one file each."""
