"""Several seeds: runs that differ in nothing else, in one folder, with their mean and spread."""

from audioforge.seeds.group import SeedGroup, parse_seeds

__all__ = ["SeedGroup", "parse_seeds"]
