"""What an installation begins with: roles, groups, metrics, runbooks, templates, a key and stewards."""
