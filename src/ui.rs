//! The screens: components that turn domain values into pages. They import domain, error and api, never server, and
//! hold no rule: thresholds and answers come from the values that they show.

pub mod actions_panel;
pub mod bars;
pub mod decision_panel;
pub mod environment_switcher;
pub mod first_run_checklist;
pub mod format;
pub mod icons;
pub mod inputs_table;
pub mod links;
pub mod loads;
pub mod local_time;
pub mod mode_consequence;
pub mod mode_track;
pub mod notice_region;
pub mod on_this_page;
pub mod page_banners;
pub mod page_error;
pub mod page_frame;
pub mod policy_words;
pub mod proposal_panel;
pub mod rules;
pub mod samples_page;
pub mod scaling_health_scores_panel;
pub mod scaling_mode_overview;
pub mod scaling_mode_page;
pub mod scaling_mode_timeline;
pub mod score_parts;
pub mod scores;
pub mod snapshot_list;
pub mod snapshot_page;
pub mod snapshot_verification;
pub mod trend_chart;
pub mod widgets;
pub mod words;
