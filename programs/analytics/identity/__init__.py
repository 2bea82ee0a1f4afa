"""Who is who across partners: normalised values, exact and hashed keys, probabilistic linkage."""

from programs.analytics.identity.comparison import Field
from programs.analytics.identity.fellegi_sunter import LinkageModel, match_weight
from programs.analytics.identity.keys import exact_pairs, hashed_email
from programs.analytics.identity.linkage import Linkage, clusters, deduplicate, link
from programs.analytics.identity.normalise import (
    normalise_address,
    normalise_company,
    normalise_email,
    normalise_person,
    normalise_phone,
    normalise_text,
)

__all__ = [
    "Field",
    "Linkage",
    "LinkageModel",
    "clusters",
    "deduplicate",
    "exact_pairs",
    "hashed_email",
    "link",
    "match_weight",
    "normalise_address",
    "normalise_company",
    "normalise_email",
    "normalise_person",
    "normalise_phone",
    "normalise_text",
]
