# Made for the tests.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('django_patreon', '0006_grant_given_until'),
    ]

    operations = [
        migrations.CreateModel(
            name='Show',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('campaign', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='django_patreon.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='Episode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('min_cents', models.PositiveIntegerField(blank=True, db_index=True, help_text='Cents a month.', null=True, verbose_name='for a pledge of')),
                ('public_from', models.DateTimeField(blank=True, db_index=True, null=True, verbose_name='for everybody from')),
                ('required_tier', models.ForeignKey(blank=True, help_text='This tier or whatever is worth as much. Empty: any support.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='django_patreon.tier', verbose_name='for tier')),
                ('show', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='gates.show')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Story',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('min_cents', models.PositiveIntegerField(blank=True, db_index=True, help_text='Cents a month.', null=True, verbose_name='for a pledge of')),
                ('public_from', models.DateTimeField(blank=True, db_index=True, null=True, verbose_name='for everybody from')),
                ('title', models.CharField(max_length=50)),
                ('required_tier', models.ForeignKey(blank=True, help_text='This tier or whatever is worth as much. Empty: any support.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='django_patreon.tier', verbose_name='for tier')),
            ],
            options={
                'abstract': False,
            },
        ),
    ]
