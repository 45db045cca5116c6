//! Owns what is said of a snapshot's proof: its digests, and how to check them. Must not check anything itself.

use crate::domain::snapshot::Snapshot;
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn SnapshotVerification(snapshot: Arc<Snapshot>) -> impl IntoView {
    view! {
        <section id="verify" class="panel" aria-labelledby="verify-title">
            <div class="panel-head">
                <h2 id="verify-title">"How to verify it"</h2>
            </div>
            <p>
                "The snapshot keeps its inputs, so that the same evaluation can be made again. On the server, "
                <code>"scaling-mode verify"</code>
                " evaluates the stored inputs once more, compares the result byte for byte, and walks the hash chain of the history, whose event for this snapshot carries the digest below. It exits 0 when all is whole."
            </p>
            <dl class="digests">
                <div>
                    <dt>"Snapshot"</dt>
                    <dd>
                        <code>{snapshot.id.clone()}</code>
                    </dd>
                </div>
                <div>
                    <dt>"Digest (SHA-256 of its canonical JSON)"</dt>
                    <dd>
                        <code>{snapshot.digest.clone()}</code>
                    </dd>
                </div>
                <div>
                    <dt>"Digest of the configuration in force"</dt>
                    <dd>
                        <code>{snapshot.body.config_digest.clone()}</code>
                    </dd>
                </div>
            </dl>
        </section>
    }
    .into_any()
}
