//! One file a log format: a line in, one request or one message out.

pub(crate) mod apache_error;
pub(crate) mod combined;
pub(crate) mod haproxy;
pub(crate) mod json;
pub(crate) mod nginx_error;
pub(crate) mod nginx_format;
