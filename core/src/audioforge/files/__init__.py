"""Reading and writing files: atomically, line by line, whatever their names."""
