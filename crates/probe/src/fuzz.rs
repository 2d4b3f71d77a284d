//! Doors for the fuzzers (fuzz/): the parsers of what comes from outside, without the sockets around them.

use crate::request::Request;
use crate::{head, probes, tls};
use evidence::{Answer, Certificate, Page, VersionTried};
use std::time::Duration;
use tokio::time::Instant;

fn block_on<F: Future>(future: F) -> Option<F::Output> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().ok()?;
    Some(runtime.block_on(future))
}

/// The answer in some bytes.
#[must_use]
pub fn read_answer(bytes: &[u8]) -> Answer {
    let request = Request {
        bytes: Vec::new(),
        lines: Vec::new(),
        expected_accept: Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned()),
        extensions: vec![frame::offer()],
        subprotocols: vec!["chat".to_owned()],
    };
    let mut stream = bytes;
    let reply = block_on(async {
        head::read(&mut stream, &request, Instant::now() + Duration::from_secs(1), head::Want::Head).await
    });
    reply.map_or_else(|| Answer::NotSent("runtime".to_owned()), |reply| reply.answer)
}

/// The certificate in some bytes.
#[must_use]
pub fn read_certificate(bytes: &[u8]) -> Certificate {
    tls::read_certificate(bytes)
}

/// Reads some bytes as the answer to a raw ClientHello; gives how many certificates were in it.
#[must_use]
pub fn read_hello(bytes: &[u8]) -> usize {
    let mut stream = tokio::io::join(bytes, tokio::io::sink());
    let hello = block_on(tls::hello_answer(
        &mut stream,
        VersionTried::V1_2,
        Some("app.example"),
        Duration::from_secs(1),
    ));
    hello.map_or(0, |hello| hello.chain.len())
}

/// What a page's text says about sockets.
#[must_use]
pub fn read_page(html: &str) -> Page {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n".as_bytes();
    let mut page = probes::page::empty(read_answer(&[head, html.as_bytes()].concat()));
    probes::page::read(&mut page);
    page
}
