//! The products whose language is understood, one file each.

mod apache;
mod caddy;
pub(crate) mod common;
mod envoy;
mod guess;
mod haproxy;
mod kubernetes;
mod nginx;
mod traefik;

use crate::{Document, Files, Options, Reading, Version};
use evidence::VersionBy;

/// A product's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// nginx, and what is built on it.
    Nginx,
    /// Apache httpd 2.4.
    Apache,
    /// HAProxy.
    Haproxy,
    /// Caddy: Caddyfile and JSON.
    Caddy,
    /// Traefik: static and dynamic, YAML and TOML.
    Traefik,
    /// Envoy: YAML and JSON.
    Envoy,
    /// Kubernetes: Ingress, Gateway API, BackendConfig.
    Kubernetes,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Nginx, Self::Apache, Self::Haproxy, Self::Caddy, Self::Traefik, Self::Envoy, Self::Kubernetes];

    /// The word for it on the command line and in JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Envoy => "envoy",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The product's name as its makers write it.
    #[must_use]
    pub fn product(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "Apache httpd",
            Self::Haproxy => "HAProxy",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::Envoy => "Envoy",
            Self::Kubernetes => "Kubernetes",
        }
    }

    /// The version that is reckoned with where nobody says another: what Debian 12 ships, or a common one.
    #[must_use]
    pub fn assumed_version(self) -> Version {
        let text = match self {
            Self::Nginx => "1.22.1",
            Self::Apache => "2.4.62",
            Self::Haproxy => "2.6.12",
            Self::Caddy => "2.6.2",
            Self::Traefik => "3.0",
            Self::Envoy => "1.30",
            Self::Kubernetes => "1.30",
        };
        Version::parse(text).unwrap_or_else(Version::zero)
    }

    pub(crate) fn read(
        self,
        document: Document,
        files: &dyn Files,
        options: &Options,
        version: &Version,
        by: VersionBy,
    ) -> Reading {
        match self {
            Self::Apache => apache::read(document, files, options, version, by),
            Self::Caddy => caddy::read(document, files, options, version, by),
            Self::Traefik => traefik::read(document, files, options, version, by),
            Self::Envoy => envoy::read(document, files, options, version, by),
            Self::Kubernetes => kubernetes::read(document, files, options, version, by),
            Self::Haproxy => haproxy::read(document, files, options, version, by),
            Self::Nginx => nginx::read(document, files, options, version, by),
        }
    }
}

/// Which product's language a file is in, by its name and by what stands in it.
#[must_use]
pub fn guess(path: &str, text: &[u8]) -> Option<Dialect> {
    guess::guess(path, text)
}
