//! What makes records the same row, as bytes: the key of an open row, and what the journal keeps of it.

/// One row's own words, and the minute it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Body<'a> {
    /// Unix minutes.
    pub minute: i64,
    /// Whose settings answered.
    pub user: u32,
    /// The caller's app; empty if it was not identified.
    pub app: &'a str,
    /// Its trust; empty if it was not identified.
    pub trust: &'a str,
    /// For what.
    pub purpose: &'a str,
    /// What.
    pub data: &'a str,
    /// The answer.
    pub decision: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The caller's own word about it.
    pub tag: &'a str,
    /// Which usage memory it was counted in, if the app's own library answered.
    pub usage: Option<u64>,
}

impl<'a> Body<'a> {
    /// Writes it in place of what `bytes` holds.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(&self.minute.to_le_bytes());
        bytes.extend_from_slice(&self.user.to_le_bytes());
        for word in self.words() {
            // Ids are 128 bytes at most; nothing longer comes this far.
            let length = u16::try_from(word.len()).unwrap_or(u16::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&word.as_bytes()[..usize::from(length)]);
        }
        if let Some(usage) = self.usage {
            bytes.extend_from_slice(&usage.to_le_bytes());
        }
    }

    /// Reads it again. None if these are not bytes that [`Body::encode`] wrote.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (minute, rest) = bytes.split_first_chunk()?;
        let (user, mut rest) = rest.split_first_chunk()?;
        let mut word = || {
            let (length, after) = rest.split_first_chunk()?;
            let (word, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            rest = after;
            std::str::from_utf8(word).ok()
        };
        let mut body = Self {
            minute: i64::from_le_bytes(*minute),
            user: u32::from_le_bytes(*user),
            app: word()?,
            trust: word()?,
            purpose: word()?,
            data: word()?,
            decision: word()?,
            reason: word()?,
            tag: word()?,
            usage: None,
        };
        if let Some((usage, after)) = rest.split_first_chunk() {
            body.usage = Some(u64::from_le_bytes(*usage));
            rest = after;
        }
        rest.is_empty().then_some(body)
    }

    fn words(&self) -> [&'a str; 7] {
        [self.app, self.trust, self.purpose, self.data, self.decision, self.reason, self.tag]
    }
}
