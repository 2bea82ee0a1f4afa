"""Controlled experiments: is the split sound, what did it change, is it safe, what to do, what next.

Arms come in as sufficient statistics (``Arm``), so members are scanned once, near the data.
"""

from programs.analytics.experiments.arm import Arm, CupedAdjustment, PrePeriod, adjust_with_pre_period
from programs.analytics.experiments.differences import compare_means, compare_proportions
from programs.analytics.experiments.effects import (
    BayesianLift,
    Comparison,
    bayesian_lift,
    fieller_lift,
    pivot_of,
    relative_lift,
    sequential_lift,
    trusted_lift,
)
from programs.analytics.experiments.guardrail import Guardrail, GuardrailState, check_guardrail
from programs.analytics.experiments.readout import (
    ArmReadout,
    ExperimentMetric,
    MetricReadout,
    MetricRole,
    ObservedExperiment,
    Readout,
    Recommendation,
    read_experiment,
)
from programs.analytics.experiments.sample_ratio import SampleRatio, check_sample_ratio
from programs.analytics.experiments.sample_size import (
    NullVariance,
    TestPlan,
    detectable_difference,
    detectable_mean_difference,
    members_per_arm_for_guardrail,
    members_per_arm_for_mean,
    members_per_arm_for_share,
    plan_test,
)

__all__ = [
    "Arm",
    "ArmReadout",
    "BayesianLift",
    "Comparison",
    "CupedAdjustment",
    "ObservedExperiment",
    "Guardrail",
    "GuardrailState",
    "ExperimentMetric",
    "MetricReadout",
    "NullVariance",
    "PrePeriod",
    "Readout",
    "Recommendation",
    "MetricRole",
    "SampleRatio",
    "TestPlan",
    "adjust_with_pre_period",
    "bayesian_lift",
    "check_guardrail",
    "check_sample_ratio",
    "compare_means",
    "compare_proportions",
    "detectable_difference",
    "detectable_mean_difference",
    "fieller_lift",
    "members_per_arm_for_guardrail",
    "members_per_arm_for_mean",
    "members_per_arm_for_share",
    "pivot_of",
    "plan_test",
    "read_experiment",
    "relative_lift",
    "sequential_lift",
    "trusted_lift",
]
