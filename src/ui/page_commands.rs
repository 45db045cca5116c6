//! Owns what the command palette of the founder's page offers. Must not know how a command is found.

use super::command_palette::Command;
use super::links;
use crate::domain::trend::Range;
use crate::views::overview::EnvironmentName;

/// Every place and act of the page, and the other environments.
pub fn commands(environment: &str, environments: &[EnvironmentName]) -> Vec<Command> {
    let on_page = [
        ("Generate snapshot", "#actions"),
        ("Set mode", "#set-mode-mode"),
        ("Freeze or unfreeze", "#freeze-reason"),
        ("Auto-mode", "#actions"),
        ("Decision: every rule", "#decision"),
        ("Health scores", "#health"),
        ("All inputs", "#inputs"),
        ("Over time", "#over-time"),
        ("History", "#history"),
        ("Snapshots", "#snapshots"),
        ("Connect your numbers", "#connect"),
    ];
    let mut commands: Vec<Command> = on_page.into_iter().map(|(name, href)| Command::new(name, href)).collect();
    commands.extend([
        Command::new("Connections: where each number comes from", links::connections(environment)),
        Command::new("What if: try other numbers", links::what_if(environment, &[])),
        Command::new("Backtest a policy", links::backtest(environment)),
        Command::new("Limits, guardrails, weights, windows", links::settings(environment)),
        Command::new("The rules, worked through", links::rules(environment)),
    ]);
    commands.extend(Range::ALL.into_iter().map(|range| {
        Command::new(format!("Charts over {} days", range.days()), links::over_time(environment, range.days()))
    }));
    commands.extend(
        environments
            .iter()
            .filter(|other| other.name != environment)
            .map(|other| Command::new(format!("Environment {}", other.name), links::page(&other.name))),
    );
    commands
}
