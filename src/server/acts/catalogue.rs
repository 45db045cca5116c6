//! Every act with all ways by which somebody can have it done. `tests/server/ways.rs` takes them from here: it fails for a function of
//! `server/acts/` that is not listed, and for a way that it does not try.

use crate::domain::access::Permission;

/// A way to have an act done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A command of the program.
    Command(&'static str),
    /// A form of the pages, by its name under `/api/scaling-mode/forms/`.
    Form(&'static str),
    /// A JSON endpoint: its method and path.
    Json(&'static str),
    /// The server itself, when its time has come.
    Schedule,
}

/// An act.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// The function, as `file::function` in `server/acts/`, and the action where one function does several.
    pub name: &'static str,
    /// What somebody must be allowed to.
    pub permission: Permission,
    pub ways: &'static [Way],
}

const CONFIG: Way = Way::Json("PUT /api/scaling-mode/config");

/// All acts.
pub const ACTS: &[Act] = &[
    Act {
        name: "configuration::change set_mode",
        permission: Permission::ChangeMode,
        ways: &[CONFIG, Way::Form("set-mode"), Way::Command("set-mode")],
    },
    Act {
        name: "configuration::change freeze",
        permission: Permission::Freeze,
        ways: &[CONFIG, Way::Form("freeze"), Way::Command("freeze")],
    },
    Act {
        name: "configuration::change unfreeze",
        permission: Permission::Freeze,
        ways: &[CONFIG, Way::Form("unfreeze"), Way::Command("unfreeze")],
    },
    Act {
        name: "configuration::change set_auto_mode",
        permission: Permission::ChangeMode,
        ways: &[CONFIG, Way::Form("auto-mode")],
    },
    Act {
        name: "configuration::change accept_proposal",
        permission: Permission::ChangeMode,
        ways: &[CONFIG, Way::Form("accept-proposal")],
    },
    Act {
        name: "configuration::change dismiss_proposal",
        permission: Permission::ChangeMode,
        ways: &[CONFIG, Way::Form("dismiss-proposal")],
    },
    Act {
        name: "configuration::change update",
        permission: Permission::ChangePolicy,
        ways: &[CONFIG, Way::Form("update")],
    },
    Act {
        name: "evaluation::evaluate",
        permission: Permission::Evaluate,
        ways: &[Way::Json("POST /api/scaling-mode/health"), Way::Form("evaluate"), Way::Command("snapshot")],
    },
    Act { name: "telemetry::take", permission: Permission::SendTelemetry, ways: &[Way::Json("POST /api/telemetry")] },
];
