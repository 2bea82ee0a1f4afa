"""Multi-touch attribution: encode paths once, let every model read them, state the uncertainty."""

from programs.analytics.attribution.bootstrap import (
    BootstrapAttribution,
    bootstrap_attribution,
    model_range,
)
from programs.analytics.attribution.models import AGREED, MODELS, Attribution, attribute, attribute_all
from programs.analytics.attribution.paths import ConversionPaths

__all__ = [
    "AGREED",
    "MODELS",
    "Attribution",
    "BootstrapAttribution",
    "ConversionPaths",
    "attribute",
    "attribute_all",
    "bootstrap_attribution",
    "model_range",
]
