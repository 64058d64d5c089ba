//! A content with its signatures on top.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use smtp_proto::Extensions;
use smtp_proto::envelope::{BodyType, Form};

use super::{BodyHashes, SignError, Signer, SigningPass};
use crate::{Chunks, Content, ContentError};

/// A content with its signatures on top, in the one form that was signed.
///
/// It can be sent any number of times.  If the content reads otherwise than when it was signed, sending it fails with
/// [`ContentError::Changed`] before its end.
#[derive(Clone)]
pub struct Signed<C> {
    content: C,
    form: Form,
    inner_form: Form,
    seal: Arc<Seal>,
}

/// What was signed.
struct Seal {
    signer: Signer,
    fields: Vec<u8>,
    measure: Measure,
}

/// What a content must not differ in from pass to pass.
#[derive(PartialEq, Eq)]
struct Measure {
    octets: u64,
    head: Vec<u8>,
    body: BodyHashes,
}

impl Signer {
    /// Signs a content in the form that it has for a server without extensions, at this time since 1970-01-01 00:00
    /// UTC.  The content is read once, and is not kept in memory.
    ///
    /// # Errors
    /// Why it is not signed.
    pub fn sign<C: Content>(&self, content: C, now: Duration) -> Result<Signed<C>, SignError> {
        let inner_form = content.form(&Extensions::default())?;
        let mut chunks = content.open(&inner_form)?;
        let (mut pass, mut chunk) = (self.pass_over(&inner_form), Vec::new());
        loop {
            let more = chunks.next(&mut chunk)?;
            pass.update(&chunk);
            chunk.clear();
            if !more {
                break;
            }
        }
        let measure = pass.clone().measure();
        let fields = pass.finish(now)?;
        let size = measure.octets + fields.len() as u64;
        let form = Form { size: Some(size), ..inner_form };
        let seal = Arc::new(Seal { signer: self.clone(), fields, measure });
        Ok(Signed { content, form, inner_form, seal })
    }
}

impl Signer {
    /// BDAT changes nothing of what is binary.
    fn pass_over(&self, form: &Form) -> SigningPass {
        if form.body == BodyType::BinaryMime { self.pass().any_lines() } else { self.pass() }
    }
}

impl SigningPass {
    fn measure(self) -> Measure {
        let (octets, head, body) = self.parts();
        Measure { octets, head, body }
    }
}

impl<C> Signed<C> {
    /// The `DKIM-Signature` fields, each with its line end.
    pub fn fields(&self) -> &[u8] {
        &self.seal.fields
    }

    /// What was signed.
    pub fn content(&self) -> &C {
        &self.content
    }
}

impl<C: Content> Content for Signed<C> {
    fn form(&self, _: &Extensions) -> Result<Form, ContentError> {
        Ok(self.form)
    }

    fn open(&self, _: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        Ok(Box::new(SignedChunks {
            chunks: Some(self.content.open(&self.inner_form)?),
            pass: self.seal.signer.pass_over(&self.inner_form),
            seal: self.seal.clone(),
            begun: false,
        }))
    }
}

struct SignedChunks {
    /// `None` at the end.
    chunks: Option<Box<dyn Chunks>>,
    pass: SigningPass,
    seal: Arc<Seal>,
    begun: bool,
}

impl Chunks for SignedChunks {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        let Some(chunks) = &mut self.chunks else { return Ok(false) };
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(&self.seal.fields);
        }
        let start = out.len();
        let more = chunks.next(out)?;
        self.pass.update(out.get(start..).unwrap_or_default());
        if !more {
            self.chunks = None;
            let pass = std::mem::replace(&mut self.pass, self.seal.signer.pass());
            if pass.measure() != self.seal.measure {
                return Err(ContentError::Changed);
            }
        }
        Ok(more)
    }
}

impl<C: fmt::Debug> fmt::Debug for Signed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("content", &self.content)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}
