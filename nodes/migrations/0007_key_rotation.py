from typing import Any

import django.utils.timezone
from django.db import migrations, models
from django.db.models import F


def keys_are_as_old_as_nodes(apps: Any, schema_editor: Any) -> None:
    """A key that was rotated before is younger than that: then its node makes the next one early."""
    apps.get_model("nodes", "Node").objects.update(key_created_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0006_observations"),
    ]

    operations = [
        migrations.AddField(
            model_name="network",
            name="key_rotation_seconds",
            field=models.PositiveIntegerField(
                default=2592000, help_text="After how long nodes make new keys; 0: never."
            ),
        ),
        migrations.AddField(
            model_name="node",
            name="key_created_at",
            field=models.DateTimeField(default=django.utils.timezone.now, help_text="Since when it has its key."),
        ),
        migrations.AddField(
            model_name="node",
            name="rotate_requested_at",
            field=models.DateTimeField(blank=True, help_text="When it was told to make a new key.", null=True),
        ),
        migrations.RunPython(keys_are_as_old_as_nodes, migrations.RunPython.noop),
    ]
