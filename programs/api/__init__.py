"""REST for what is governed: programs, tiers, partners, people, datasets."""
