//! Files and functions that hold one idea; a head at each file; nothing left over.

use crate::sources::{self, Source, bare};

/// Lines of a file, its tests left out.
const FILE_LINES_MAX: usize = 400;
/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 70;

/// Where another clock than the one that is handed in may be read, and why.
const CLOCKS: [(&str, &str); 4] = [
    ("src/clock.rs", "it is the clock"),
    ("src/cli/", "a command is one moment"),
    ("src/store/sqlite/", "deadlines of threads that no test holds"),
    ("origin-demo/", "the demo shop lives by the wall"),
];

fn problems(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let Source { path, code } = source;
    let lines = code.lines().count();
    if lines > FILE_LINES_MAX {
        found.push(format!("{path}: {lines} lines; past {FILE_LINES_MAX} a file usually holds a second idea"));
    }
    if !code.starts_with("//!") {
        found.push(format!("{path}: begins without a //! head that says what it is for"));
    }
    let own_clock = CLOCKS.iter().any(|(place, _)| path.starts_with(place));
    for (number, line) in code.lines().enumerate() {
        let place = format!("{path}:{}", number + 1);
        for marker in ["TODO", "FIXME", "XXX", "HACK"] {
            if line.contains(marker) {
                found.push(format!("{place}: {marker} is left over"));
            }
        }
        let line = bare(line);
        if [".unwrap()", ".expect("].iter().any(|call| line.contains(call)) {
            found.push(format!("{place}: handle it, or say why it cannot be"));
        }
        let reads_clock = ["SystemTime::now()", "std::time::Instant::now()"].iter().any(|call| line.contains(call));
        if reads_clock && !own_clock {
            found.push(format!("{place}: reads a clock of its own; take a Clock"));
        }
    }
    found.extend(long_functions(path, code));
    found
}

/// Functions by indentation: from a line with `fn` to the closing brace that stands under its first character.
fn long_functions(path: &str, code: &str) -> Vec<String> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let is_function = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(super) fn ", "pub(super) async fn "]
            .iter()
            .any(|head| text.starts_with(head));
        if !is_function {
            continue;
        }
        // A declaration in a trait ends before any body begins.
        let rest = lines[start..].join(" ");
        if rest.find(';').is_some_and(|end| rest.find('{').is_none_or(|body| end < body)) {
            continue;
        }
        let indent = line.len() - text.len();
        let closing = format!("{}}}", " ".repeat(indent));
        let end = lines[start..].iter().position(|line| *line == closing).unwrap_or_default();
        if end > FUNCTION_LINES_MAX {
            found.push(format!("{path}:{}: a function of {end} lines; at most {FUNCTION_LINES_MAX}", start + 1));
        }
    }
    found
}

#[test]
fn files_and_functions_are_of_a_size_to_be_read() {
    let found: Vec<String> = sources::all().iter().flat_map(problems).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_check_sees_what_is_wrong() {
    let source = |code: String| Source { path: "src/x.rs".into(), code };
    let long = format!("//! x\nfn f() {{\n{}}}\n", "    x();\n".repeat(80));
    let count = |code: &str| problems(&source(code.into())).len();
    assert_eq!(count("//! x\nfn f() {}\n"), 0);
    assert_eq!(count(&long), 1);
    assert_eq!(count("fn f() {}\n"), 1);
    assert_eq!(count("//! x\nfn f() { a.unwrap() }\n"), 1);
    assert_eq!(count("//! x\n// TODO\n"), 1);
    assert_eq!(count("//! x\nfn f() { SystemTime::now() }\n"), 1);
    assert_eq!(count(&format!("//! x\n{}", "x\n".repeat(400))), 1);
}
