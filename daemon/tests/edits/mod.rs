//! Cases written as edits of a file that is right: lines that go (`-`), lines that come (`+`), and
//! the one line that is then said of it (`>`), which names the file.

/// One edit, and what is said of it.
#[derive(Debug)]
pub struct Edit {
    gone: String,
    come: String,
    pub said: String,
}

/// Reads cases; `#` begins a comment.
pub fn read(text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let (mut gone, mut come) = (String::from("\n"), String::from("\n"));
    for line in text.lines() {
        let (sign, words) = line.split_at(line.len().min(1));
        let words = words.strip_prefix(' ').unwrap_or(words);
        match sign {
            "-" => gone.extend([words, "\n"]),
            "+" => come.extend([words, "\n"]),
            ">" => {
                let edit = Edit { gone, come, said: words.to_owned() };
                (gone, come) = (String::from("\n"), String::from("\n"));
                edits.push(edit);
            }
            "" | "#" => {}
            other => panic!("a case has no line that begins with {other:?}"),
        }
    }
    edits
}

impl Edit {
    /// The file it changes.
    pub fn file(&self) -> &str {
        self.said.split(':').next().unwrap_or_default()
    }

    /// The text with the first such lines replaced.
    pub fn apply(&self, text: &str) -> String {
        let text = format!("\n{text}");
        assert!(text.contains(&self.gone), "{} has no lines {:?}", self.file(), self.gone);
        text.replacen(&self.gone, &self.come, 1).split_off(1)
    }
}
