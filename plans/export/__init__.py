"""The plan JSON: built, validated, written to the plans folder, verified, imported."""
