//! What a page of the shop shows of its visitor, and whether that is right. Pure.

/// A customer as the shop's pages name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Customer {
    pub(crate) login: String,
    pub(crate) name: String,
}

/// What a page may show.
#[derive(Clone, Debug)]
pub(crate) struct Right {
    /// Who may be signed in; none stands for nobody. Several, while something changes.
    pub(crate) who: Vec<Option<Customer>>,
    /// Pieces in the basket.
    pub(crate) pieces: usize,
    /// What has to stand in the page's text.
    pub(crate) text: Option<String>,
}

/// What a page shows of its visitor.
#[derive(Debug, PartialEq, Eq)]
struct Shown<'a> {
    name: Option<&'a str>,
    /// On a customer's own pages.
    login: Option<&'a str>,
    pieces: usize,
}

/// Whether a path is a customer's own page, which nobody else gets to see.
pub(crate) fn is_own(path: &str) -> bool {
    path.starts_with("/account/")
}

/// Looks at an answer.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn judge(path: &str, status: u16, body: &str, right: &Right) -> Result<(), String> {
    match status {
        302 if is_own(path) && right.who.contains(&None) => Ok(()),
        302 if is_own(path) => Err("nobody is signed in".into()),
        200 => looked_at(path, body, right),
        _ => Err(format!("status {status}")),
    }
}

fn looked_at(path: &str, body: &str, right: &Right) -> Result<(), String> {
    // Pictures and the style sheet.
    let Some(shown) = Shown::of(body) else { return Ok(()) };
    let fits = |who: &Option<Customer>| match who {
        Some(own) => {
            let is_named = if is_own(path) { shown.login == Some(&own.login) } else { shown.login.is_none() };
            is_named && shown.name == Some(&own.name)
        }
        None => shown.name.is_none() && shown.login.is_none() && !is_own(path),
    };
    if !right.who.iter().any(fits) || shown.pieces != right.pieces {
        return Err(format!("{shown:?}"));
    }
    let lacks = right.text.as_ref().filter(|text| !body.contains(&***text));
    lacks.map_or(Ok(()), |text| Err(format!("no {text:?} in it")))
}

impl<'a> Shown<'a> {
    /// None where it is no page with the shop's frame.
    fn of(body: &'a str) -> Option<Shown<'a>> {
        let (bar, main) = between(body, "<header class=\"bar\">", "</body>")?.split_once("</header>")?;
        Some(Shown {
            name: between(bar, "<small>Signed in as</small> ", "</a>"),
            login: between(main, "This page was made for <strong>", "</strong>"),
            pieces: between(bar, " in it\">", "</span>").and_then(|count| count.parse().ok()).unwrap_or_default(),
        })
    }
}

/// What stands after a text and before another.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: Option<&str>, login: Option<&str>, pieces: usize) -> String {
        let who = name.map(|name| format!("<a class=\"who\"><small>Signed in as</small> {name}</a>"));
        let main = login.map(|login| format!("This page was made for <strong>{login}</strong> ({name:?})"));
        let badge =
            if pieces > 0 { format!("<span aria-label=\"{pieces} in it\">{pieces}</span>") } else { String::new() };
        let (who, main) = (who.unwrap_or_default(), main.unwrap_or_default());
        format!("<body><header class=\"bar\">{badge}{who}</header><main>{main}</main></body>")
    }

    fn right(names: &[Option<&str>]) -> Right {
        let customer = |name: &str| Customer { login: "anna".into(), name: name.into() };
        Right { who: names.iter().map(|name| name.map(customer)).collect(), pieces: 2, text: None }
    }

    #[test]
    fn a_page_shows_who_is_signed_in_and_nobody_else() {
        let (own, nobodys) = (page(Some("Anna"), Some("anna"), 2), page(None, None, 2));
        let named = page(Some("Anna"), None, 2);
        for (path, status, body, names, is_right) in [
            ("/account/", 200, &own, &[Some("Anna")][..], true),
            ("/account/", 200, &own, &[Some("Ann")], false),
            ("/account/", 200, &own, &[Some("Ann"), Some("Anna")], true),
            ("/account/", 200, &own, &[None], false),
            ("/account/", 200, &page(Some("Anna"), Some("bert"), 2), &[Some("Anna")], false),
            ("/account/", 200, &page(Some("Anna"), Some("anna"), 3), &[Some("Anna")], false),
            ("/account/", 200, &nobodys, &[None], false),
            ("/account/", 302, &nobodys, &[None], true),
            ("/account/", 302, &nobodys, &[Some("Anna")], false),
            ("/products", 200, &named, &[Some("Anna")], true),
            ("/products", 200, &nobodys, &[Some("Anna")], false),
            ("/products", 200, &named, &[None], false),
            ("/products", 200, &nobodys, &[None], true),
            ("/products", 404, &nobodys, &[None], false),
            ("/style.css", 200, &"body {}".to_string(), &[None], true),
        ] {
            assert_eq!(judge(path, status, body, &right(names)).is_ok(), is_right, "{path} {status} {body} {names:?}");
        }
    }

    #[test]
    fn a_text_that_has_to_be_there_is_missed() {
        let with = |text: &str| Right { text: Some(text.into()), ..right(&[None]) };
        let body = page(None, None, 2);
        assert!(judge("/", 200, &body, &with("<main>")).is_ok());
        assert!(judge("/", 200, &body, &with("Edition 2.")).is_err());
    }
}
