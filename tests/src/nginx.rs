//! An nginx that runs `deploy/proxy/nginx.conf` as it is shipped, on a port of its own.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use image2model_processes::{Process, free_port};

use crate::client::Client;
use crate::process::root;

/// A running nginx.
pub struct Nginx {
    _process: Process,
    _folder: tempfile::TempDir,
    url: String,
}

impl Nginx {
    /// Starts one. `upstreams` is one of the files that say where the parts are, with the addresses that they have here.
    ///
    /// # Errors
    /// When there is no nginx, or it does not take the files.
    pub fn start(upstreams: &str) -> anyhow::Result<Self> {
        let shipped = std::fs::read_to_string(root().join("deploy/proxy/nginx.conf"))?;
        let (port, folder) = (free_port()?, tempfile::tempdir()?);
        ensure!(shipped.matches("listen 80;").count() == 1, "nginx.conf listens elsewhere");
        let site = shipped.replace("listen 80;", &format!("listen 127.0.0.1:{port};"));
        let at = folder.path().display();
        let main = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {at}/body;\nproxy_temp_path {at}/proxy;\nfastcgi_temp_path {at}/f;\n\
             uwsgi_temp_path {at}/u;\nscgi_temp_path {at}/s;\n{upstreams}\n{site}\n}}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), main)?;
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).exists());
        let mut command = Command::new(program.unwrap_or("nginx"));
        command.args(["-e", "stderr", "-p"]).arg(folder.path()).args(["-c", "nginx.conf"]);
        let mut process = Process::start(&mut command)?;
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(started.elapsed() < Duration::from_secs(20), "nginx does not start: {}", process.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { _process: process, _folder: folder, url: format!("http://127.0.0.1:{port}") })
    }

    /// A client of what is behind it, with or without a key.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn client(&self, key: Option<&str>) -> anyhow::Result<Client> {
        Client::new(&self.url, key)
    }
}
