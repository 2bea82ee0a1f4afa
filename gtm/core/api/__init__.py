"""What every REST view shares: problem+json, ETags, who is acting."""
