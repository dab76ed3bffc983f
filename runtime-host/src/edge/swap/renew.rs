//! Every root is given what the records say, each by itself: where a release does not compose on this host, because of what
//! its manifest grants, that release alone stays out, and everything else is served.

use std::collections::BTreeMap;
use std::sync::Arc;

use image2model_domain::rollout::Canary;

use super::slot::{Choice, Trial};
use super::variants::{self, Variant};
use super::{Built, Switch};
use crate::edge::EdgeError;
use crate::edge::engine::on_all_cores;
use crate::edge::sources::Overrides;

/// What one root is to serve from now on.
struct Renewed<'v> {
    root: &'v str,
    /// Nothing where even what is served cannot be built any more: that goes on.
    stable: Option<(Overrides, Arc<Built>)>,
    trial: Option<(&'v Variant, &'v Canary, Arc<Built>)>,
    /// The releases that it does without, by component.
    errors: Vec<(String, EdgeError)>,
}

impl Switch {
    /// Gives every slot its choice; answers the releases that some root does without, by component.
    pub(super) fn renew(&self, variants: &[Variant]) -> BTreeMap<String, EdgeError> {
        let wanted = {
            let state = self.state.lock();
            let fetched = |release: &_| state.fetched.get(release).cloned();
            variants::wanted(&self.loaded, &state.rollouts, &state.wanted, fetched)
        };
        let roots = self.slots.keys().collect();
        let made = on_all_cores(roots, |root: &String| Ok(self.renewed(root, &wanted, variants)));
        let mut errors = BTreeMap::new();
        let mut state = self.state.lock();
        state.wanted = wanted;
        for renewed in made.into_iter().flatten() {
            errors.extend(renewed.errors);
            let (Some(slot), Some((served, stable))) = (self.slots.get(renewed.root), renewed.stable) else { continue };
            state.served.insert(renewed.root.to_owned(), served);
            let trial = renewed.trial.map(|(variant, canary, built)| {
                let judge = state.judges.entry((variant.id.clone(), canary.release.clone())).or_default().clone();
                Trial { built, weight: canary.weight, judge }
            });
            slot.put(Choice { stable, trial });
        }
        errors
    }

    fn renewed<'v>(&self, root: &'v str, wanted: &Overrides, variants: &'v [Variant]) -> Renewed<'v> {
        let mut errors = Vec::new();
        let stable = self.stable(root, wanted, &mut errors);
        let trial = stable.as_ref().and_then(|(served, _)| {
            let (variant, canary) = variants::trial(variants, root)?;
            match self.build(root, &variant.over(served.clone())) {
                Ok(built) => Some((variant, canary, built)),
                Err(error) => {
                    errors.push((variant.id.clone(), error));
                    None
                }
            }
        });
        Renewed { root, stable, trial, errors }
    }

    /// The root with all that is wanted of it; where that does not come about, with every release that does.
    fn stable(
        &self,
        root: &str,
        wanted: &Overrides,
        errors: &mut Vec<(String, EdgeError)>,
    ) -> Option<(Overrides, Arc<Built>)> {
        let whole = match self.build(root, wanted) {
            Ok(built) => return Some((wanted.clone(), built)),
            Err(error) => error,
        };
        let known = self.loaded.roots.get(root)?;
        let mut served = self.served(root);
        let changed: Vec<&String> = known.parts.iter().filter(|id| wanted.get(*id) != served.get(*id)).collect();
        if let [] | [_] = changed.as_slice() {
            errors.push((changed.first().map_or(&known.component, |id| id).to_string(), whole));
            return Some((served.clone(), self.build(root, &served).ok()?));
        }
        let mut stable = self.build(root, &served).ok();
        for id in changed {
            let mut next = served.clone();
            match wanted.get(id) {
                Some(code) => next.insert(id.clone(), code.clone()),
                None => next.remove(id),
            };
            match self.build(root, &next) {
                Ok(built) => (served, stable) = (next, Some(built)),
                Err(error) => errors.push((id.clone(), error)),
            }
        }
        Some((served, stable?))
    }
}
