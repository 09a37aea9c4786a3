"""What people read on a terminal: lines, tables, warnings, progress."""
