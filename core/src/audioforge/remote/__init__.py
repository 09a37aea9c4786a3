"""What lies at an address: fetched once, through fsspec, and read from a copy."""
