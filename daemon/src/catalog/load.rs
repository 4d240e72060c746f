//! Reads `catalog/*.toml`: all files, all problems in one pass, and a catalogue only if there is
//! none.

use std::fmt;
use std::path::Path;

use super::document::{Place, Problem};
use super::sheet::{Known, Sheet};
use super::validate::Places;
use super::{Catalog, RegionIx, Table, coverage, entries, schema, validate, warnings};

/// The files, in the order in which they are read and reported.
const FILES: [&str; 9] = [
    "data.toml",
    "purposes.toml",
    "bases.toml",
    "never.toml",
    "toggles.toml",
    "recipients.toml",
    "cookies.toml",
    "regions.toml",
    "notices.toml",
];

/// The largest file, in bytes.
const FILE_BYTES: usize = 4 << 20;

/// Why a catalogue was not taken: everything that is wrong with it, in the order of its files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}

/// Reads a catalogue.
///
/// # Errors
/// All problems in its files; then there is no catalogue at all.
pub fn load(dir: &Path) -> Result<Catalog, LoadError> {
    let mut problems = Vec::new();
    let texts = FILES.map(|file| {
        read(&dir.join(file))
            .map_err(|text| {
                let place = Place::whole(file);
                problems.push(Problem { place, key: String::new(), text });
            })
            .ok()
    });
    let catalog = assemble(texts.each_ref().map(Option::as_deref), &mut problems);
    if problems.is_empty() {
        return Ok(catalog);
    }
    problems.sort_by_key(|problem| {
        let file = FILES.iter().position(|file| **file == *problem.place.file);
        (file, problem.place.line)
    });
    Err(LoadError { problems })
}

fn read(path: &Path) -> Result<String, String> {
    let dir = path.parent().unwrap_or(path).display();
    let bytes = std::fs::read(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return format!("is missing from {dir}; a catalogue needs it");
        }
        format!("cannot be read from {dir}: {error}; make it readable for the daemon's user")
    })?;
    if bytes.len() > FILE_BYTES {
        return Err(format!("has {} bytes; {FILE_BYTES} are the most", bytes.len()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        format!("is not UTF-8 from byte {offset} on; save it as UTF-8")
    })
}

/// Reads every file, each after those it refers to. The result is a catalogue only if there were
/// no problems.
fn assemble(texts: [Option<&str>; 9], problems: &mut Vec<Problem>) -> Catalog {
    let [data, purposes, bases, nevers, toggles, recipients, cookies, regions, notices] = texts;
    let mut open = |file, text, keys: &[&str]| Sheet::open(file, text, keys, problems);
    let data = open("data.toml", data, &["data"]);
    let purposes = open("purposes.toml", purposes, &["purpose"]);
    let bases = open("bases.toml", bases, &["basis", "narrow"]);
    let nevers = open("never.toml", nevers, &["never"]);
    let toggles = open("toggles.toml", toggles, &["toggle"]);
    let recipients = open("recipients.toml", recipients, &["recipient"]);
    let cookies = open("cookies.toml", cookies, &["cookie"]);
    let regions = open("regions.toml", regions, &["default", "region"]);
    let notices = open("notices.toml", notices, &["notice"]);

    let mut catalog = Catalog::empty();
    let mut counterparts = Vec::new();
    let data = data.fill("data", &mut catalog.data, problems, |spot, raw: schema::Data| {
        counterparts.extend(raw.approximate.clone().map(|other| (raw.id.clone(), other)));
        entries::data_item(spot, raw)
    });
    entries::approximate(&mut catalog.data, &data, &counterparts, problems);
    let purposes = purposes.fill("purpose", &mut catalog.purposes, problems, entries::purpose);
    let placed_regions = regions.fill("region", &mut catalog.regions, problems, entries::region);

    let known_data = Known { what: "data item", table: &catalog.data, placed: &data };
    let known_purposes = Known { what: "purpose", table: &catalog.purposes, placed: &purposes };
    let known_regions = Known { what: "region", table: &catalog.regions, placed: &placed_regions };
    let default_region = regions
        .key::<Box<str>>("default", problems)
        .and_then(|id| known_regions.refer(&mut regions.spot(problems), "default", &id));
    catalog.default_region = default_region.unwrap_or(catalog.default_region);

    let toggles = toggles.fill("toggle", &mut catalog.toggles, problems, |spot, raw| {
        entries::toggle(spot, raw, &known_purposes, &known_data)
    });
    let terms = bases.list("basis", &mut catalog.bases, problems, entries::basis_term);
    let narrowings = bases.list("narrow", &mut catalog.narrowings, problems, |spot, raw| {
        entries::narrowing(spot, raw, &known_purposes, &known_data, &known_regions)
    });
    let nevers = nevers.list("never", &mut catalog.nevers, problems, |spot, raw| {
        entries::never(spot, raw, &known_purposes, &known_data)
    });
    let known_toggles = Known { what: "toggle", table: &catalog.toggles, placed: &toggles };
    let cookies = cookies.list("cookie", &mut catalog.cookies, problems, |spot, raw| {
        entries::cookie(spot, raw, &known_toggles)
    });
    recipients.fill("recipient", &mut catalog.recipients, problems, entries::recipient);
    let mut unsorted = Vec::new();
    let notices = notices.list("notice", &mut unsorted, problems, entries::notice);
    validate::in_order(unsorted, &notices, &mut catalog.notices, problems);

    coverage::spread(&mut catalog);
    let places = Places {
        data: &data,
        purposes: &purposes,
        regions: &placed_regions,
        toggles: &toggles,
        terms: &terms,
        narrowings: &narrowings,
        nevers: &nevers,
        cookies: &cookies,
    };
    validate::check(&catalog, &places, problems);
    catalog.warnings = warnings::find(&catalog, &cookies);
    catalog
}

impl Catalog {
    /// One without entries, to be filled.
    fn empty() -> Self {
        Self {
            data: Table::default(),
            purposes: Table::default(),
            toggles: Table::default(),
            recipients: Table::default(),
            regions: Table::default(),
            notices: Table::default(),
            bases: Vec::new(),
            narrowings: Vec::new(),
            nevers: Vec::new(),
            cookies: Vec::new(),
            default_region: RegionIx(0),
            warnings: Vec::new(),
            coverage: Vec::new(),
            covering: Vec::new(),
            forbidden: Vec::new(),
            somewhere: Vec::new(),
        }
    }
}
