//! Owns the overview and the banners of the styleguide, in every state. Must not make a state: the samples do.

use super::icons::{self, Icon};
use super::page_banners::PageBanners;
use super::scaling_mode_overview::ScalingModeOverview;
use super::styleguide_example::{Example, Section};
use super::styleguide_samples::Sample;
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn Banners(samples: Vec<Sample>) -> impl IntoView {
    let banners: Vec<_> = samples
        .into_iter()
        .filter(|sample| ["synthetic", "recorded", "frozen", "held", "stale", "outdated"].contains(&sample.name))
        .map(|sample| {
            view! {
                <Example id=sample.name title=sample.title>
                    <PageBanners data=sample.page() />
                </Example>
            }
        })
        .collect();
    view! {
        <Section id="banners" title="Banners">
            {banners}
            <Example id="hypothetical" title="Hypothetical">
                <div class="banners">
                    <div class="banner banner-hypothetical">
                        <Icon shape=icons::ATTENTION />
                        <p>
                            <strong>"Hypothetical."</strong>
                            " What is marked so was never measured."
                        </p>
                    </div>
                </div>
            </Example>
        </Section>
    }
    .into_any()
}

#[component]
pub fn Overviews(samples: Vec<Sample>) -> impl IntoView {
    let overviews: Vec<_> = samples
        .into_iter()
        .map(|sample| {
            let overview = sample.overview();
            view! {
                <Example id=sample.name title=sample.title>
                    <ScalingModeOverview
                        overview=overview
                        limits=sample.config.policy.limits
                        snapshot=sample.snapshot.map(Arc::new)
                    />
                </Example>
            }
        })
        .collect();
    view! {
        <Section id="overviews" title="Overview">
            {overviews}
        </Section>
    }
    .into_any()
}
