"""What makes a run this run and no other, and whether that has changed."""
