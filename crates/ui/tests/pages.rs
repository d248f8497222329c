//! Every page in every state: what is escaped, what is labelled, what works without the script.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use prokura_ui::samples::{Sample, samples};
use prokura_ui::{Frame, Refused, Shown, Template as _};
use proptest::prelude::*;

fn every(check: impl Fn(&Sample) -> Result<(), String>) {
    for sample in samples().unwrap() {
        if let Err(why) = check(&sample) {
            panic!("{}-{}: {why}\n{}", sample.page, sample.state, sample.html);
        }
    }
}

fn ensure(fine: bool, why: &str) -> Result<(), String> {
    if fine { Ok(()) } else { Err(why.to_owned()) }
}

/// The start tags of a document, as a browser would see them.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|t| t.split_once('>').map(|(tag, _)| tag)).collect()
}

#[test]
fn the_pages_are_as_they_were_last_looked_at() {
    for sample in samples().unwrap() {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            let html = mask(&sample.html);
            insta::assert_snapshot!(format!("{}-{}", sample.page, sample.state), html);
        });
    }
}

/// The hash of an asset changes with every change of style; the document is what is looked at here.
fn mask(html: &str) -> String {
    let mut out = html.to_owned();
    for asset in [&prokura_ui::STYLE, &prokura_ui::SCRIPT, &prokura_ui::SEAL] {
        out = out.replace(&asset.path(), "/assets/…");
    }
    out
}

#[test]
fn a25_hostile_text_stays_text() {
    every(|s| {
        ensure(!s.html.contains("<img src=x") && !s.html.contains("</title>\""), "markup came through")?;
        ensure(!s.html.contains("{{") || s.html.contains("{{7*7}}"), "a template came through")?;
        ensure(s.html.matches("</title>").count() == 1, "the title was closed early")?;
        let handlers = tags(&s.html).iter().any(|t| t.contains(" onerror=") && !t.contains("&"));
        ensure(!handlers, "an event handler came through")
    });
}

proptest! {
    #[test]
    fn a25_no_name_adds_a_tag_or_an_attribute(name in "\\PC{0,60}") {
        let page = |name: &str| {
            let (frame, client) = (Frame::new("", "as.example", "n", false), Shown::name(name));
            let (host, link) = (name.to_owned(), name.to_owned());
            Refused { frame, client, host, link }.render().unwrap()
        };
        let count = |html: &str, c| html.matches(c).count();
        let (plain, odd) = (page("x"), page(&name));
        for c in ['<', '>', '"', '\''] {
            prop_assert_eq!(count(&plain, c), count(&odd, c), "{}", c);
        }
    }
}

#[test]
fn a26_what_is_hidden_or_turns_text_around_is_gone() {
    every(|s| {
        let odd =
            |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}' | '\u{200b}' | '\0');
        let typed: usize = tags(&s.html)
            .into_iter()
            .filter(|t| t.starts_with("input"))
            .map(|t| t.matches(odd).count())
            .sum();
        ensure(s.html.matches(odd).count() == typed, "an invisible character came through")?;
        let (open, close) = (s.html.matches('\u{2068}').count(), s.html.matches('\u{2069}').count());
        ensure(open == close, "an isolation that is not closed")
    });
}

#[test]
fn no_script_or_style_stands_in_a_page_and_each_reference_has_the_nonce() {
    every(|s| {
        let tags = tags(&s.html);
        for tag in tags.iter().filter(|t| t.starts_with("script") || t.starts_with("link rel=\"stylesheet")) {
            ensure(tag.contains("nonce=\"bm9uY2U\""), "a reference without the nonce")?;
        }
        ensure(!s.html.contains("<style") && !s.html.contains("<script>"), "inline code")?;
        ensure(!tags.iter().any(|t| t.contains(" style=")), "an inline style")
    });
}

#[test]
fn every_form_is_posted_and_carries_its_mark() {
    every(|s| {
        for form in s.html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            ensure(form.contains("method=\"post\""), "a form that is not posted")?;
            ensure(form.contains("name=\"form_token\""), "a form without its mark")?;
        }
        Ok(())
    });
}

#[test]
fn every_field_has_a_label_and_every_page_one_title() {
    every(|s| {
        ensure(s.html.matches("<h1").count() == 1, "not one title")?;
        ensure(s.html.contains("<main id=\"content\""), "no main part")?;
        for tag in tags(&s.html).into_iter().filter(|t| t.starts_with("input id=")) {
            let id = tag.split('"').nth(1).unwrap();
            ensure(s.html.contains(&format!("<label for=\"{id}\"")), "a field without a label")?;
        }
        Ok(())
    });
}

#[test]
fn the_answer_that_is_given_by_the_enter_key_is_no() {
    every(|s| {
        let Some(no) = s.html.find("value=\"no\"") else { return Ok(()) };
        // Where there is nothing to allow, No is the only answer.
        let Some(allow) = s.html.find("value=\"allow\"") else { return Ok(()) };
        let first = s.html[s.html.find("action=\"/consent\"").unwrap()..].find("type=\"submit\"").unwrap();
        ensure(no < allow && s.html.find("action=\"/consent\"").unwrap() + first < allow, "Allow comes first")
    });
}
