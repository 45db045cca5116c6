//! Owns how somebody proves who they are: passwords, secrets, and how often they may guess. Must not know HTTP or what they may do.

pub mod calls;
pub mod codes;
pub mod guesses;
pub mod id_token;
pub mod passkeys;
pub mod password;
pub mod provider;
pub mod seal;
pub mod secret;

use chrono::Duration;

/// For how long a session that is not used stays open: over a weekend.
pub fn idle_timeout() -> Duration {
    Duration::hours(72)
}

/// For how long a session lasts at most, however it is used.
pub fn absolute_timeout() -> Duration {
    Duration::days(30)
}

/// For how long somebody may wait with their second proof.
pub fn second_proof_timeout() -> Duration {
    Duration::minutes(5)
}

/// For how long what was begun with a browser can be ended.
pub fn ceremony_timeout() -> Duration {
    Duration::minutes(10)
}

/// For how long the link that the start prints can be used.
pub fn founders_link_timeout() -> Duration {
    Duration::days(1)
}

/// For how long an invitation can be used.
pub fn invitation_timeout() -> Duration {
    Duration::days(7)
}
