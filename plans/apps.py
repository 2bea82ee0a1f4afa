from importlib import import_module

from django.apps import AppConfig

COMMANDS = (
    "plans.commands.plan_loyalty",
    "plans.commands.monitor_loyalty",
    "plans.commands.launch_program",
    "plans.commands.optimize_referrals",
    "plans.commands.track_source",
)
"""The commands, a line each: packages whose module ``command`` registers what it declares."""
CASES = ("plans.cases.fraud", "plans.cases.disputes")
"""The kinds of cases, each a package with ``models`` and ``case``; the order is that of the sidebar."""


class PlansConfig(AppConfig):
    """How it is governed: plans, tasks, gates, escalations, evidence."""

    name = "plans"
    verbose_name = "Plans"
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        """The models of cases live in their packages and belong to this app all the same."""
        super().import_models()
        for case in CASES:
            import_module(f"{case}.models")

    def ready(self) -> None:
        from django.db.models.signals import post_delete, post_save  # noqa: PLC0415

        from gtm.core import events  # noqa: PLC0415 - models exist only now
        from plans import personal_text  # noqa: PLC0415
        from plans.engine import machines  # noqa: F401, PLC0415
        from plans.engine.notices import table  # noqa: F401, PLC0415
        from plans.engine.record import around  # noqa: PLC0415
        from plans.engine.running import dispatch  # noqa: PLC0415
        from plans.export import files  # noqa: PLC0415
        from plans.models import Schedule  # noqa: PLC0415
        from plans.runs import data_needs, measured, on_call, schedules  # noqa: F401, PLC0415
        from programs import command_needs  # noqa: PLC0415
        from programs.models import Program, RotaOverride  # noqa: PLC0415

        personal_text.declare_all()
        for command in COMMANDS:
            import_module(f"{command}.command")
        for case in CASES:
            import_module(f"{case}.case")
        command_needs.register(data_needs.of_program)
        events.subscribe(events.TaskReady, dispatch.ring_worker)
        events.subscribe(events.Anchored, files.follow_anchor)
        events.subscribe(events.Recorded, table.record)
        events.subscribe(table.NoticeWaiting, dispatch.ring_outbox)
        events.subscribe(events.Recorded, dispatch.want_anchor)
        events.subscribe(events.Recorded, around.note)
        events.subscribe(events.Recorded, measured.note)
        events.subscribe(around.OutsideNoted, around.carry)
        events.subscribe(dispatch.AnchorWanted, dispatch.ring_anchor)
        Schedule.checks.append(schedules.faults)
        RotaOverride.checks.append(on_call.faults)
        post_save.connect(schedules.follow_schedule, Schedule, dispatch_uid="schedule-bell")
        post_delete.connect(schedules.forget_schedule, Schedule, dispatch_uid="schedule-bell")
        post_save.connect(schedules.follow_program, Program, dispatch_uid="schedule-bell")
