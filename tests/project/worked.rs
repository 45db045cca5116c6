//! Holds docs/rules.md to the engine: the document is what the engine answers under the default policy. With
//! UPDATE_RULES=1 it is written again.

use scaling_mode::domain::policy::Policy;
use scaling_mode::domain::worked::work_through;
use scaling_mode::ui::{what_if_words, words, worked_words};
use std::fmt::Write;
use std::path::Path;

fn document() -> String {
    let mut text = String::from(
        "# The rules, worked through\n\nWhich loads lead to which answer in each mode, under the default limits and guardrails. \
         The engine itself made\nthe tables (`tests/project/worked.rs` holds them to it); with your own policy the same page is at\n\
         `/founder/scaling-mode/rules`. Every figure is an example, none a measurement.\n\nThe first rule that applies gives \
         the answer:\n\n",
    );
    for (place, (name, rule)) in worked_words::ORDER.into_iter().enumerate() {
        writeln!(text, "{}. **{name}.** {rule}", place + 1).unwrap();
    }
    text.push_str(
        "\nEach table takes a business in good order and moves one number, leaving the others as they are.\n",
    );
    for worked in work_through(&Policy::default()) {
        writeln!(text, "\n## {}\n\nIn good order: {}\n", words::mode(worked.mode), worked_words::start(&worked))
            .unwrap();
        text.push_str("| number | from and to | answer | rules that turn it there |\n|---|---|---|---|\n");
        for ladder in &worked.ladders {
            for (place, stretch) in ladder.stretches.iter().enumerate() {
                let name = if place == 0 { what_if_words::label(ladder.field) } else { "" };
                let because = worked_words::because(stretch);
                let because = if because.is_empty() { because } else { format!("`{}`", because.replace(", ", "`, `")) };
                let values = worked_words::values(ladder.field, stretch);
                writeln!(text, "| {name} | {values} | {} | {because} |", words::answer(stretch.answer)).unwrap();
            }
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn the_document_says_what_the_engine_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let made = document();
    if std::env::var_os("UPDATE_RULES").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/rules.md is not what the engine answers: run this test with UPDATE_RULES=1");
}
