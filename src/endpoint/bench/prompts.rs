//! What is said to the model: lines of a file, or words made up by a seed.

use std::path::Path;

use serde_json::Value;

use super::random::Random;
use crate::endpoint::Error;

/// The largest file of prompts, in bytes: all of it is held.
const MAX_FILE: u64 = 256 << 20;
/// The most words of a made-up prompt.
pub(super) const MAX_WORDS: u32 = 1 << 20;

const WORDS: [&str; 64] = [
    "river", "stone", "light", "table", "green", "seven", "north", "paper", "cloud", "music", "bread",
    "glass", "horse", "field", "voice", "metal", "quiet", "ocean", "wheel", "amber", "night", "tower",
    "apple", "chair", "storm", "grain", "brick", "flame", "coast", "maple", "pearl", "smoke", "train",
    "valley", "window", "yellow", "winter", "summer", "garden", "letter", "market", "number", "orange",
    "pocket", "rabbit", "silver", "thread", "uncle", "velvet", "wagon", "basket", "candle", "dragon",
    "engine", "forest", "harbor", "island", "jacket", "kettle", "ladder", "mirror", "needle", "olive",
    "pencil",
];

/// A source of prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompts {
    /// So many words each; every request has words of its own, so that no server can answer from a cache of prefixes.
    Synthetic {
        /// How many words. How many tokens that is, the server says.
        words: u32,
    },
    /// These, one after the other, again from the first.
    Listed {
        /// Where they are from.
        file: String,
        /// At least one.
        texts: Vec<String>,
    },
}

impl Prompts {
    /// Reads a file: a prompt a line, or, on lines that begin with `{`, a JSON object with `prompt`.
    ///
    /// # Errors
    /// When it cannot be read, is too large or has no prompt.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |problem: String| Error::Prompts { path: path.to_owned(), problem };
        let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if size > MAX_FILE {
            return Err(failed(format!("{size} bytes are more than {MAX_FILE}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let mut texts = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if !line.starts_with('{') {
                texts.push(line.to_owned());
                continue;
            }
            let value: Option<Value> = serde_json::from_str(line).ok();
            match value.as_ref().and_then(|value| value["prompt"].as_str()) {
                Some(prompt) => texts.push(prompt.to_owned()),
                None => return Err(failed(format!("line {} is no object with `prompt`", number + 1))),
            }
        }
        if texts.is_empty() {
            return Err(failed("there is none in it".to_owned()));
        }
        Ok(Self::Listed { file: path.display().to_string(), texts })
    }

    /// The prompt of the request `number` in the run of `seed`.
    pub(super) fn get(&self, number: u64, seed: u64) -> String {
        match self {
            Self::Listed { texts, .. } => texts[(number % texts.len() as u64) as usize].clone(),
            Self::Synthetic { words } => {
                let mut random = Random::new(Random::new(seed).next().wrapping_add(number));
                let words = (0..(*words).clamp(1, MAX_WORDS)).map(|_| {
                    let index = random.below(WORDS.len() as u64);
                    WORDS[index as usize]
                });
                words.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// As a summary names it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Synthetic { words } => format!("{words} random words each"),
            Self::Listed { file, texts } => format!("{} from `{file}`", texts.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_prompts_are_the_same_each_time_and_differ_from_each_other() {
        let prompts = Prompts::Synthetic { words: 5 };
        assert_eq!(prompts.get(3, 7), prompts.get(3, 7));
        let several = [prompts.get(0, 7), prompts.get(1, 7), prompts.get(0, 8), prompts.get(1, 6)];
        assert!(several.iter().enumerate().all(|(n, text)| !several[..n].contains(text)), "{several:?}");
        assert!(several.iter().all(|text| text.split(' ').count() == 5));
    }

    #[test]
    fn files_have_a_prompt_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("p");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Prompts::read(&file)
        };
        let prompts = read("one\n\n{\"prompt\": \"two\\nlines\"}\n").unwrap();
        assert_eq!([0, 1, 2].map(|number| prompts.get(number, 1)), ["one", "two\nlines", "one"]);
        for (text, problem) in [("\n", "there is none"), ("a\n{\"text\": 1}\n", "line 2 is no object")] {
            assert!(read(text).unwrap_err().to_string().contains(problem));
        }
    }
}
