//! Clients in a process of their own (`tests/browser/recorder.mjs`), and what they told so far.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use image2model_tests::browser;
use serde_json::Value;

/// What one client told.
#[derive(Debug, Default, Clone)]
pub struct Told {
    /// Ids and data, in the order in which they came.
    pub events: Vec<(String, Value)>,
    /// How often its stream began.
    pub opened: usize,
    /// That it was told to come no more.
    pub closed: bool,
}

impl Told {
    /// Whether it was told to begin anew.
    pub fn was_reset(&self) -> bool {
        self.events.iter().any(|(_, data)| data["type"] == "reset")
    }
}

/// A running recorder; it ends with its value.
pub struct Recorder {
    process: Child,
    orders: ChildStdin,
    told: Arc<Mutex<BTreeMap<String, Told>>>,
}

impl Recorder {
    pub fn start(in_browser: bool) -> Self {
        let mut node = Command::new("node");
        node.arg("recorder.mjs").args(in_browser.then_some("--browser")).current_dir(browser::folder().unwrap());
        let mut process = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (orders, lines) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let told = Arc::new(Mutex::new(BTreeMap::<String, Told>::new()));
        let shared = told.clone();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let said: Value = serde_json::from_str(&line).unwrap();
                let mut told = shared.lock().unwrap();
                let client = told.get_mut(said["name"].as_str().unwrap()).unwrap();
                if let Some(id) = said["id"].as_str() {
                    let data = serde_json::from_str(said["data"].as_str().unwrap()).unwrap();
                    client.events.push((id.to_owned(), data));
                }
                client.opened += usize::from(said["opened"] == true);
                client.closed |= said["closed"] == true;
            }
        });
        Self { process, orders, told }
    }

    /// Has a client follow a stream, under a name without blanks.
    pub fn follow(&mut self, name: &str, url: &str) {
        self.told.lock().unwrap().insert(name.to_owned(), Told::default());
        writeln!(self.orders, "{name} {url}").unwrap();
    }

    pub fn told(&self) -> BTreeMap<String, Told> {
        self.told.lock().unwrap().clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // At the end of its input the browser would be closed as well; a failed test does not wait for that.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
