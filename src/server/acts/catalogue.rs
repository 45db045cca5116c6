//! Lists every act with all its ways. `tests/server/ways.rs` runs them, and `tests/server/acts_catalogue.rs` fails if a function of
//! `server/acts/`, an action or a form is missing here.

use crate::domain::access::Permission;

/// A way to ask for an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A command of the program.
    Command(&'static str),
    /// A form, by its name under `/api/scaling-mode/forms/`.
    Form(&'static str),
    /// A JSON endpoint: its method and path.
    Json(&'static str),
    /// The scheduler, at each tick.
    Schedule,
}

/// An act.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// The function, as `file::function` in `server/acts/`, followed by the action if the function has several.
    pub name: &'static str,
    /// The permission that the act needs.
    pub permission: Permission,
    pub ways: &'static [Way],
}

const CONFIG: Way = Way::Json("PUT /api/scaling-mode/config");

const SOURCES: Way = Way::Json("POST /api/scaling-mode/sources");

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
    Act { name: "evaluation::evaluate_tick", permission: Permission::Evaluate, ways: &[Way::Schedule] },
    Act { name: "export::export", permission: Permission::Read, ways: &[Way::Command("export")] },
    Act { name: "telemetry::take", permission: Permission::SendTelemetry, ways: &[Way::Json("POST /api/telemetry")] },
    Act {
        name: "history::read",
        permission: Permission::Read,
        ways: &[Way::Json("GET /api/scaling-mode/history"), Way::Command("history")],
    },
    Act { name: "sources::change add", permission: Permission::AddSources, ways: &[SOURCES, Way::Form("add-source")] },
    Act {
        name: "sources::change add_signal",
        permission: Permission::AddSources,
        ways: &[SOURCES, Way::Form("add-signal")],
    },
    Act {
        name: "sources::change remove",
        permission: Permission::OperateSources,
        ways: &[SOURCES, Way::Form("remove-source")],
    },
    Act {
        name: "sources::change retire",
        permission: Permission::AddSources,
        ways: &[SOURCES, Way::Form("retire-source"), Way::Command("source retire")],
    },
    Act {
        name: "sources::change close_alert",
        permission: Permission::AddSources,
        ways: &[SOURCES, Way::Form("close-alert"), Way::Command("source close-alert")],
    },
    Act {
        name: "sources::change end_client",
        permission: Permission::AddSources,
        ways: &[SOURCES, Way::Form("end-client"), Way::Command("source end-client")],
    },
    Act {
        name: "environments::create",
        permission: Permission::ManageAccess,
        ways: &[Way::Command("environment create")],
    },
    Act { name: "environments::list", permission: Permission::Read, ways: &[Way::Command("environment list")] },
    Act { name: "people::create", permission: Permission::ManageAccess, ways: &[Way::Command("person create")] },
    Act { name: "people::set_role", permission: Permission::ManageAccess, ways: &[Way::Form("set-role")] },
    Act {
        name: "people::set_disabled enable",
        permission: Permission::ManageAccess,
        ways: &[Way::Form("disable-person"), Way::Command("person enable")],
    },
    Act {
        name: "people::set_disabled disable",
        permission: Permission::ManageAccess,
        ways: &[Way::Form("disable-person"), Way::Command("person disable")],
    },
    Act {
        name: "people::reset_proofs",
        permission: Permission::ManageAccess,
        ways: &[Way::Form("reset-proofs"), Way::Command("person reset-proofs")],
    },
    Act { name: "invitations::invite", permission: Permission::ManageAccess, ways: &[Way::Form("invite")] },
    Act {
        name: "invitations::reset_password",
        permission: Permission::ManageAccess,
        ways: &[Way::Command("person reset")],
    },
    Act {
        name: "tokens::create",
        permission: Permission::ManageAccess,
        ways: &[Way::Form("make-token"), Way::Command("token create")],
    },
    Act {
        name: "tokens::revoke",
        permission: Permission::ManageAccess,
        ways: &[Way::Form("revoke-token"), Way::Command("token revoke")],
    },
    Act {
        name: "tokens::list",
        permission: Permission::ManageAccess,
        ways: &[Way::Json("GET /api/scaling-mode/people"), Way::Command("token list")],
    },
    Act { name: "share_links::create", permission: Permission::ManageAccess, ways: &[Way::Form("make-share-link")] },
    Act { name: "share_links::revoke", permission: Permission::ManageAccess, ways: &[Way::Form("revoke-share-link")] },
    Act {
        name: "share_links::list",
        permission: Permission::ManageAccess,
        ways: &[Way::Json("GET /api/scaling-mode/people")],
    },
];
