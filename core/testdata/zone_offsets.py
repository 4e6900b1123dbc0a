#!/usr/bin/env python3
"""Print the UTC offset, in seconds, of every zone in fixtures/airports.csv at 26 instants, as PyPI's tzdata has it.

    PYTHONTZPATH= .local/tools/venv/bin/python core/testdata/zone_offsets.py

PYTHONTZPATH must be empty: zoneinfo reads the operating system's older files first otherwise.
"""
import csv
import datetime
import pathlib
import sys
import zoneinfo

import tzdata

if zoneinfo.TZPATH:
    sys.exit("run me with PYTHONTZPATH= (empty), else this prints the operating system's offsets")

root = pathlib.Path(__file__).resolve().parents[2]
with open(root / "fixtures" / "airports.csv", encoding="utf-8", newline="") as file:
    zones = sorted({row["time_zone"] for row in csv.DictReader(file)})
start = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)
instants = [start + datetime.timedelta(days=14 * n) for n in range(26)]

print("release", tzdata.IANA_VERSION, *[""] * 25, sep=",")
print("zone", *(instant.strftime("%Y-%m-%dT%H:%M:%SZ") for instant in instants), sep=",")
for name in zones:
    zone = zoneinfo.ZoneInfo(name)
    offsets = (int(instant.astimezone(zone).utcoffset().total_seconds()) for instant in instants)
    print(name, *offsets, sep=",")
