"""Results as Python hands them over: tables that show themselves, data frames, plots."""
