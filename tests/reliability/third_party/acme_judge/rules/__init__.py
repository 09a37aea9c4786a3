"""What the judge goes by."""
