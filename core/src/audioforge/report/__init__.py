"""A run as one HTML page: `report.html`, from the files of the run folder alone; no torch."""
