//! Kubernetes: Ingress with the annotations of ingress-nginx, F5's NGINX, AWS and GKE; Gateway API; BackendConfig.
//!
//! A route is a path of an Ingress, or a rule of an HTTPRoute. Source:
//! <https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/>,
//! <https://docs.nginx.com/nginx-ingress-controller/configuration/ingress-resources/advanced-configuration-with-annotations/>,
//! <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/>,
//! <https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration>,
//! <https://gateway-api.sigs.k8s.io/reference/spec/>.

mod edit;
mod observe;

use crate::yaml::{self, Node};
use crate::{Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Tree, Version};
use evidence::{Given, Setting, VersionBy, Wish};
use observe::Way;

/// What is kept of the file.
#[derive(Debug)]
pub(crate) struct Kubernetes {
    /// Objects, lists unfolded.
    pub objects: Vec<Node>,
    /// One for each route, in the same order.
    pub ways: Vec<Way>,
}

pub(crate) fn read(
    document: Document,
    _: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let trees = yaml::read(&document);
    let documents = vec![document];
    let mut objects = Vec::new();
    for root in trees.roots {
        match root.get("items") {
            Some(items) if root.text_of("kind").is_some_and(|kind| kind.ends_with("List")) => {
                objects.extend(items.items().iter().cloned());
            }
            _ => objects.push(root),
        }
    }
    let (ways, routes, general) = observe::observe(&documents, &objects, options, version, by);
    let told = trees
        .unread
        .into_iter()
        .map(|(range, why)| {
            let at = super::common::At::new(0, range);
            super::common::told(&documents, &at, Setting::Unreadable { why }, Given::Here)
        })
        .chain(general)
        .collect();
    Reading { documents, routes, told, tree: Box::new(Kubernetes { objects, ways }) }
}

impl Tree for Kubernetes {
    fn choose(&self, _: &Config, request: &Request) -> Option<usize> {
        observe::choose(&self.ways, request)
    }

    fn edit(&self, config: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        edit::edit(self, config, route, wish)
    }
}
