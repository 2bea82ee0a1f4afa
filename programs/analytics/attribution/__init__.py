"""Multi-touch attribution: encode paths once, let every model read them, state the uncertainty."""

from programs.analytics.attribution.bootstrap import (
    BootstrapAttribution,
    bootstrap_attribution,
    model_range,
)
from programs.analytics.attribution.models import AGREED, MODELS, Attribution, attribute, attribute_all
from programs.analytics.attribution.order_two import OrderTest, attribute_order_two, compare_orders
from programs.analytics.attribution.paths import ConversionPaths

__all__ = [
    "AGREED",
    "MODELS",
    "Attribution",
    "BootstrapAttribution",
    "ConversionPaths",
    "OrderTest",
    "attribute",
    "attribute_all",
    "attribute_order_two",
    "bootstrap_attribution",
    "compare_orders",
    "model_range",
]
