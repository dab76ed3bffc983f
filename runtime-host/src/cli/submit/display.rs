//! What the person sees: a bar for every file in a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use crate::cli::out::print;
use crate::cli::table::printable;

const TEMPLATE: &str = "{prefix:24!} {bar:30.cyan/blue} {pos:>3}% {wide_msg}";

pub struct Display {
    files: Vec<FileDisplay>,
    _bars: Option<MultiProgress>,
}

/// One file's place. Cheap to clone.
#[derive(Clone)]
pub struct FileDisplay {
    name: String,
    bar: Option<ProgressBar>,
    /// What was last said without a bar.
    said: Arc<Mutex<String>>,
}

impl Display {
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let place = |name: &str| {
            let name = printable(name);
            let bar = bars.as_ref().map(|bars| bars.add(ProgressBar::new(100)));
            if let Some(bar) = &bar {
                bar.set_style(style.clone());
                bar.set_prefix(name.clone());
            }
            FileDisplay { name, bar, said: Arc::default() }
        };
        Self { files: names.map(place).collect(), _bars: bars }
    }

    /// The place of the file with this number.
    pub fn file(&self, index: usize) -> Option<&FileDisplay> {
        self.files.get(index)
    }

    /// Leaves what is shown as it is.
    pub fn close(&self) {
        for bar in self.files.iter().filter_map(|file| file.bar.as_ref()) {
            bar.abandon();
        }
    }
}

impl FileDisplay {
    /// How far it is; without a bar only a new message is worth a line.
    pub fn progress(&self, percent: u64, message: &str) {
        let message = printable(message);
        match &self.bar {
            Some(bar) => {
                bar.set_position(percent.min(100));
                bar.set_message(message);
            }
            None => self.say(&message, || format!("{}: {percent}% {message}", self.name)),
        }
    }

    /// It is over.
    pub fn ended(&self, message: &str) {
        let message = printable(message);
        match &self.bar {
            Some(bar) => bar.abandon_with_message(message),
            None => self.say(&message, || format!("{}: {message}", self.name)),
        }
    }

    fn say(&self, message: &str, line: impl FnOnce() -> String) {
        let mut said = self.said.lock();
        if *said != message {
            message.clone_into(&mut said);
            let _unseen = print(format_args!("{}\n", line()));
        }
    }
}
