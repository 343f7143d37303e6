import django.db.models.deletion
from django.db import migrations, models


def copy_routes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        # A table with checks that wait for the end of the transaction cannot be altered.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for mark in apps.get_model("acl", "AutoApproval").objects.select_related("route"):
        mark.node_id, mark.prefix, mark.given = mark.route.node_id, mark.route.prefix, mark.route.approved
        mark.save(update_fields=["node", "prefix", "given"])


def find_routes(apps, schema_editor):
    routes = apps.get_model("nodes", "Route").objects
    for mark in apps.get_model("acl", "AutoApproval").objects.all():
        route = routes.filter(node_id=mark.node_id, prefix=mark.prefix).first()
        if route is None or not (mark.given or not route.approved):
            mark.delete()
        else:
            mark.route_id = route.pk
            mark.save(update_fields=["route"])


class Migration(migrations.Migration):
    dependencies = [
        ("acl", "0003_initial"),
        ("nodes", "0002_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="autoapproval",
            options={"ordering": ("node", "prefix"), "verbose_name": "automatic approval"},
        ),
        migrations.AddField(
            model_name="autoapproval",
            name="given",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="autoapproval",
            name="node",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="auto_approvals",
                to="nodes.node",
            ),
        ),
        migrations.AddField(
            model_name="autoapproval",
            name="prefix",
            field=models.CharField(default="", max_length=43),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="autoapproval",
            name="route",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="auto_approval",
                to="nodes.route",
            ),
        ),
        migrations.RunPython(copy_routes, find_routes),
        migrations.RemoveField(
            model_name="autoapproval",
            name="route",
        ),
        migrations.AlterField(
            model_name="autoapproval",
            name="node",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="auto_approvals",
                to="nodes.node",
            ),
        ),
        migrations.AddConstraint(
            model_name="autoapproval",
            constraint=models.UniqueConstraint(fields=("node", "prefix"), name="auto_approval_once"),
        ),
    ]
