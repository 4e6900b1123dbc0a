#!/usr/bin/env python3
"""Print `iata,zone,polygon` of each scheduled airport of fixtures/airports.csv that lies in the polygon of another zone
whose clocks show another time at some moment of the coming year.

    PYTHONTZPATH= .local/tools/venv/bin/python core/testdata/zone_polygons.py
"""
import csv
import datetime
import functools
import pathlib
import zoneinfo

from timezonefinder import TimezoneFinder

root = pathlib.Path(__file__).resolve().parents[2]
start = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)
instants = [start + datetime.timedelta(days=14 * n) for n in range(26)]


@functools.cache
def offsets(name):
    zone = zoneinfo.ZoneInfo(name)
    return [instant.astimezone(zone).utcoffset() for instant in instants]


finder = TimezoneFinder()
with open(root / "fixtures" / "airports.csv", encoding="utf-8", newline="") as file:
    for row in csv.DictReader(file):
        if row["scheduled"] != "true":
            continue
        polygon = finder.timezone_at(lng=float(row["lon"]), lat=float(row["lat"]))
        if polygon is None or offsets(polygon) != offsets(row["time_zone"]):
            print(row["iata"], row["time_zone"], polygon, sep=",")
