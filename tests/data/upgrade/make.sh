#!/usr/bin/env bash
# Run in a checkout of an older version, with its environment in .venv: makes COMMIT.tar.xz for test_upgrade.py.
set -euo pipefail
home=$(mktemp -d)
export GTM_ENV_FILE=/dev/null SECRET_KEY=older-and-only-for-this DEBUG=0 GTM_HTTPS=0 GTM_ALLOW_IMPERSONATION=1
export DATABASE_URL="sqlite:///$home/gtm.sqlite3" CELERY_BROKER_URL=memory:// DJANGO_SETTINGS_MODULE=gtm.settings
export GTM_DATA_DIR="$home/data" GTM_PLANS_DIR="$home/plans" GTM_ANCHORS_DIR="$home/anchors" GTM_KEYS_DIR="$home/keys"
manage() { .venv/bin/python manage.py "$@"; }
number() { manage inbox --as "$1" | sed -nE "s/^$2 +([0-9]+).*/\1/p" | head -n 1; }

manage migrate --no-input -v 0
.venv/bin/python - > "$home/purchases.csv" <<'ROWS'
print("member_id,purchased_at,amount")
for n in range(1, 40):
    print(f"m{n % 7},2024-0{1 + n % 6}-1{n % 9},{n}.50")
ROWS
HOME_OF_ROWS="$home" manage shell -c '
import os
from pathlib import Path
from gtm.core.actors import Actor, acting_as
from plans.demo import organisation
from programs import services
with acting_as(Actor.system("Older")):
    program = organisation.establish()
    rows = Path(os.environ["HOME_OF_ROWS"]) / "purchases.csv"
    services.load_dataset("purchases", [rows], program=program, currency="USD")
'
rm "$home/purchases.csv"
usage="/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000"
manage gtm "$usage" --program cdnow --as ops --wait
manage complete "$(number analyst task)" --as analyst --evidence "Sizes compared with our reports" --wait
manage decide "$(number finance approval)" approve --as finance --comment "Fine for a pilot"
manage export_plan "$(manage plans | grep -oE 'plan-[0-9]+-[0-9]+' | head -n 1)" -o "$home/plan.json"
manage verify_changelog "$home/plan.json"
.venv/bin/python -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
database.execute("VACUUM")' "$home/gtm.sqlite3"
name="$(git rev-parse --short=8 HEAD).tar.xz"
tar --create --xz --file "$name" --directory "$home" --exclude='*-wal' --exclude='*-shm' --exclude=cache .
rm -r "$home"
echo "$name"
