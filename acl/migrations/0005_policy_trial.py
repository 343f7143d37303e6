import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("acl", "0004_approvals_by_prefix"),
        ("nodes", "0002_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyTrial",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("former", models.PositiveIntegerField()),
                ("began_at", models.DateTimeField()),
                ("deadline", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("actor", models.CharField(max_length=64)),
                ("origin", models.CharField(blank=True, max_length=64)),
                (
                    "outcome",
                    models.CharField(
                        blank=True, choices=[("confirmed", "Confirmed"), ("reverted", "Reverted")], max_length=16
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, max_length=64)),
                ("result", models.PositiveIntegerField(blank=True, null=True)),
                ("problem", models.CharField(blank=True, max_length=500)),
                (
                    "network",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="policy_trials", to="nodes.network"
                    ),
                ),
            ],
            options={
                "verbose_name": "policy trial",
                "ordering": ("network", "-number"),
                "indexes": [
                    models.Index(condition=models.Q(("ended_at", None)), fields=["due_at"], name="policy_trial_due")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("network",), name="policy_trial_one_open"
                    ),
                    models.UniqueConstraint(fields=("network", "number"), name="policy_trial_once"),
                    models.CheckConstraint(
                        condition=models.Q(("deadline__gt", models.F("began_at"))), name="policy_trial_ahead"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number__gt", models.F("former"))), name="policy_trial_forward"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("outcome", "")),
                            models.Q(("ended_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="policy_trial_outcome",
                    ),
                ],
            },
        ),
    ]
