//! The state machine behind judge and assembler: the rules of RFC 6455 sections 5 and 8 stand here and nowhere
//! else.
//!
//! ```text
//!   bytes -> header -> rules -> payload -> unmask -> inflate -> UTF-8, limit, preview -> events
//! ```

use crate::close::is_sendable;
use crate::deflate::{InflateError, Inflater};
use crate::fault::FrameFault;
use crate::header::{Header, MAX_CONTROL_PAYLOAD, MAX_HEADER_LENGTH, Opcode, Parsed};
use crate::judge::{Event, Kind, Role, Settings, Unfinished};
use crate::mask::apply_mask;
use crate::utf8::Utf8Checker;
use std::collections::VecDeque;

/// What proxies and second responders write where a frame should begin.
const HTTP: &[u8] = b"HTTP/1.";

/// Masked payload is copied in steps of this size, so that the copy stays in the cache.
const UNMASK_STEP: usize = 16 * 1024;

/// Compressed payload is inflated in steps of this size, so that a bomb's ratio counts only what it consumed.
const INFLATE_STEP: usize = 1024;

#[derive(Debug)]
pub(crate) struct Engine {
    settings: Settings,
    /// Data frames are worth an event to the judge, and only a cost to the assembler.
    data_frame_events: bool,
    inflater: Option<Inflater>,
    head: [u8; MAX_HEADER_LENGTH],
    head_length: usize,
    frame: Option<Frame>,
    pub(crate) message: Option<OpenMessage>,
    pub(crate) offset: u64,
    pub(crate) frame_at: u64,
    closed: bool,
    pub(crate) ended: Option<FrameFault>,
    /// One frame makes a handful of events at most.
    events: VecDeque<Event>,
    unmasked: Vec<u8>,
}

#[derive(Debug)]
struct Frame {
    header: Header,
    opcode: Opcode,
    received: u64,
    preview: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct OpenMessage {
    kind: Kind,
    compressed: bool,
    length: u64,
    wire_length: u64,
    kept: Vec<u8>,
    utf8: Utf8Checker,
}

impl Engine {
    pub(crate) fn new(settings: Settings, data_frame_events: bool) -> Engine {
        let inflater = settings.deflate.map(|agreed| match settings.sender {
            Role::Server => Inflater::new(agreed.server_max_window_bits, agreed.server_no_context_takeover),
            Role::Client => Inflater::new(agreed.client_max_window_bits, agreed.client_no_context_takeover),
        });
        Engine {
            settings,
            data_frame_events,
            inflater,
            head: [0; MAX_HEADER_LENGTH],
            head_length: 0,
            frame: None,
            message: None,
            offset: 0,
            frame_at: 0,
            closed: false,
            ended: None,
            events: VecDeque::new(),
            unmasked: Vec::new(),
        }
    }

    pub(crate) fn poll(&mut self, input: &mut &[u8]) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.ended.is_some() {
                self.offset += input.len() as u64;
                *input = &[];
                return None;
            }
            let outcome = match self.frame.take() {
                Some(frame) => self.read_payload(frame, input),
                None => self.read_header(input),
            };
            match outcome {
                Ok(true) => {}
                Ok(false) => return None,
                Err(fault) => self.break_off(fault),
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Option<FrameFault> {
        if self.ended.is_some() || self.frame.is_some() {
            return None;
        }
        let Parsed::Complete { header, .. } = Header::parse(&self.head[..self.head_length]) else {
            return None;
        };
        self.head_length = 0;
        let fault = self.begin(header).err()?;
        self.ended = Some(fault.clone());
        Some(fault)
    }

    pub(crate) fn unfinished(&self) -> Option<Unfinished> {
        match &self.frame {
            Some(frame) => {
                Some(Unfinished { header: Some(frame.header), received: frame.received, at: self.frame_at })
            }
            None if self.head_length > 0 && self.ended.is_none() => {
                Some(Unfinished { header: None, received: self.head_length as u64, at: self.frame_at })
            }
            None => None,
        }
    }

    fn break_off(&mut self, fault: FrameFault) {
        self.events.push_back(Event::Fault(fault.clone()));
        self.ended = Some(fault);
        self.frame = None;
        self.message = None;
        self.inflater = None;
    }

    /// Returns whether a header became whole; false means that the input is used up.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<bool, FrameFault> {
        while let Some((byte, rest)) = input.split_first() {
            if self.head_length == 0 {
                self.frame_at = self.offset;
            }
            // RFC 6455 section 5.5.1 forbids data after a close frame. A pong to a ping that crossed it is no data:
            // servers that answer pings and close at the same time (wsproto) send one.
            if self.closed && self.head_length == 0 && !matches!(byte & 0x0f, 0x9 | 0xa) {
                return Err(FrameFault::DataAfterClose);
            }
            self.head[self.head_length] = *byte;
            self.head_length += 1;
            self.offset += 1;
            *input = rest;
            let head = &self.head[..self.head_length];
            // `HT` alone is already a forbidden header (RSV1 on a fragmented control frame), so nothing that is
            // allowed has to wait while we find out whether it is HTTP.
            if HTTP.starts_with(head) {
                if head.len() == HTTP.len() {
                    return Err(FrameFault::HttpInStream);
                }
                continue;
            }
            if let Parsed::Complete { header, .. } = Header::parse(head) {
                self.head_length = 0;
                self.begin(header)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Holds a header to the rules and begins its frame.
    fn begin(&mut self, header: Header) -> Result<(), FrameFault> {
        if header.length_too_large {
            return Err(FrameFault::LengthTooLarge);
        }
        let opcode = header.opcode();
        let may_compress = self.inflater.is_some() && matches!(opcode, Some(Opcode::Text | Opcode::Binary));
        if header.rsv2 || header.rsv3 || (header.rsv1 && !may_compress) {
            let Header { rsv1, rsv2, rsv3, .. } = header;
            return Err(FrameFault::ReservedBits { rsv1, rsv2, rsv3 });
        }
        let opcode = opcode.ok_or(FrameFault::UnknownOpcode(header.opcode_number))?;
        if opcode.is_control() {
            if header.payload_length > MAX_CONTROL_PAYLOAD as u64 {
                return Err(FrameFault::ControlTooLong(header.payload_length));
            }
            if !header.fin {
                return Err(FrameFault::ControlFragmented);
            }
        }
        if header.non_minimal {
            self.events.push_back(Event::Fault(FrameFault::NonMinimalLength));
        }
        match (self.settings.sender, header.masked) {
            (Role::Server, true) => self.events.push_back(Event::Fault(FrameFault::MaskedByServer)),
            (Role::Client, false) => self.events.push_back(Event::Fault(FrameFault::UnmaskedByClient)),
            _ => {}
        }
        match (opcode, self.message.is_some()) {
            (Opcode::Continuation, false) => return Err(FrameFault::ContinuationWithoutStart),
            (Opcode::Text | Opcode::Binary, true) => return Err(FrameFault::NewMessageInsideFragments),
            (Opcode::Text, false) => self.message = Some(OpenMessage::new(Kind::Text, header.rsv1)),
            (Opcode::Binary, false) => self.message = Some(OpenMessage::new(Kind::Binary, header.rsv1)),
            _ => {}
        }
        if let (Some(message), false) = (&self.message, opcode.is_control()) {
            // What a compressed frame will become is not known before it has been inflated.
            let length = message.length.saturating_add(header.payload_length);
            let limit = self.settings.message_limit;
            if !message.compressed && length > limit {
                return Err(FrameFault::MessageTooBig { limit, length, ratio: None });
            }
        }
        self.frame = Some(Frame { header, opcode, received: 0, preview: Vec::new() });
        Ok(())
    }

    /// Returns whether the frame went on; false means that the input is used up.
    fn read_payload(&mut self, mut frame: Frame, input: &mut &[u8]) -> Result<bool, FrameFault> {
        let remaining = frame.header.payload_length - frame.received;
        if remaining == 0 {
            return self.end_frame(frame).map(|()| true);
        }
        if input.is_empty() {
            self.frame = Some(frame);
            return Ok(false);
        }
        let mut length = usize::try_from(remaining).unwrap_or(usize::MAX).min(input.len());
        if frame.header.masked {
            length = length.min(UNMASK_STEP);
        }
        let (wire, rest) = input.split_at(length);
        *input = rest;
        let mut unmasked = std::mem::take(&mut self.unmasked);
        let payload = if frame.header.masked {
            unmasked.clear();
            unmasked.extend_from_slice(wire);
            apply_mask(&mut unmasked, frame.header.mask, frame.received);
            &unmasked
        } else {
            wire
        };
        self.offset += length as u64;
        frame.received += length as u64;
        let is_control = frame.opcode.is_control();
        if is_control || self.data_frame_events {
            let room = if is_control { MAX_CONTROL_PAYLOAD } else { self.settings.preview };
            keep(&mut frame.preview, payload, room);
        }
        if !is_control {
            self.take_data(payload)?;
        }
        self.unmasked = unmasked;
        self.frame = Some(frame);
        Ok(true)
    }

    fn take_data(&mut self, payload: &[u8]) -> Result<(), FrameFault> {
        let Some(message) = &mut self.message else { return Ok(()) };
        match &mut self.inflater {
            Some(inflater) if message.compressed => payload.chunks(INFLATE_STEP).try_for_each(|step| {
                message.wire_length += step.len() as u64;
                inflater.inflate(step, |bytes| message.take(bytes, &self.settings)).map_err(fault_of)
            }),
            _ => message.take(payload, &self.settings),
        }
    }

    fn end_frame(&mut self, frame: Frame) -> Result<(), FrameFault> {
        let Frame { header, opcode, preview, .. } = frame;
        let body = if opcode == Opcode::Close { preview.clone() } else { Vec::new() };
        if opcode.is_control() || self.data_frame_events {
            self.events.push_back(Event::Frame { header, preview, at: self.frame_at });
        }
        if opcode == Opcode::Close {
            self.end_connection(&body);
        } else if !opcode.is_control() && header.fin {
            self.end_message()?;
        }
        Ok(())
    }

    fn end_message(&mut self) -> Result<(), FrameFault> {
        let Some(mut message) = self.message.take() else { return Ok(()) };
        if let (Some(inflater), true) = (&mut self.inflater, message.compressed) {
            inflater.finish(|bytes| message.take(bytes, &self.settings)).map_err(fault_of)?;
        }
        if message.kind == Kind::Text {
            message.utf8.finish().map_err(|at| FrameFault::InvalidUtf8 { at })?;
        }
        let OpenMessage { kind, compressed, length, kept, .. } = message;
        self.events.push_back(Event::Message { kind, length, preview: kept, compressed });
        Ok(())
    }

    fn end_connection(&mut self, body: &[u8]) {
        self.closed = true;
        let (code, reason) = match body {
            [] => (None, &[][..]),
            [_] => {
                self.events.push_back(Event::Fault(FrameFault::CloseBodyOneByte));
                (None, &[][..])
            }
            [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low])), reason),
        };
        if let Some(code) = code.filter(|code| !is_sendable(*code)) {
            self.events.push_back(Event::Fault(FrameFault::CloseCodeReserved(code)));
        }
        if std::str::from_utf8(reason).is_err() {
            self.events.push_back(Event::Fault(FrameFault::InvalidUtf8InClose));
        }
        self.events.push_back(Event::Close { code, reason: String::from_utf8_lossy(reason).into_owned() });
    }
}

impl OpenMessage {
    fn new(kind: Kind, compressed: bool) -> OpenMessage {
        OpenMessage {
            kind,
            compressed,
            length: 0,
            wire_length: 0,
            kept: Vec::new(),
            utf8: Utf8Checker::default(),
        }
    }

    fn take(&mut self, bytes: &[u8], settings: &Settings) -> Result<(), FrameFault> {
        self.length += bytes.len() as u64;
        if self.length > settings.message_limit {
            let ratio = self.compressed.then(|| self.length / self.wire_length.max(1));
            return Err(FrameFault::MessageTooBig {
                limit: settings.message_limit,
                length: self.length,
                ratio,
            });
        }
        if self.kind == Kind::Text {
            self.utf8.handle(bytes).map_err(|at| FrameFault::InvalidUtf8 { at })?;
        }
        keep(&mut self.kept, bytes, settings.preview);
        Ok(())
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8], room: usize) {
    let free = room.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(free)]);
}

fn fault_of(error: InflateError<FrameFault>) -> FrameFault {
    match error {
        InflateError::Broken(what) => FrameFault::DeflateBroken(what),
        InflateError::Stopped(fault) => fault,
    }
}
