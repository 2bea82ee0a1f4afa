"""Made-up worlds with planted truths: for demonstrations and for measuring the methods."""
