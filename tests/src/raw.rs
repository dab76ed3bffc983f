//! HTTP and forms byte by byte, for what a client library would never send.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Nothing that is asked here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A form under construction.
#[derive(Clone)]
pub struct RawForm {
    boundary: String,
    line_end: &'static str,
    bytes: Vec<u8>,
}

impl RawForm {
    /// A form with this boundary and the line ends that forms have.
    #[must_use]
    pub fn new(boundary: &str) -> Self {
        Self { boundary: boundary.to_owned(), line_end: "\r\n", bytes: Vec::new() }
    }

    /// Other line ends from here on.
    #[must_use]
    pub fn line_end(mut self, line_end: &'static str) -> Self {
        self.line_end = line_end;
        self
    }

    /// Bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(bytes.as_ref());
        self
    }

    /// A part with these header lines.
    #[must_use]
    pub fn part(self, headers: &[&[u8]], content: &[u8]) -> Self {
        let (boundary, end) = (self.boundary.clone(), self.line_end);
        let mut form = self.raw("--").raw(boundary).raw(end);
        for header in headers {
            form = form.raw(header).raw(end);
        }
        form.raw(end).raw(content).raw(end)
    }

    /// A file of the field `files`.
    #[must_use]
    pub fn file(self, filename: &str, content: &[u8]) -> Self {
        let kind = if filename.to_ascii_lowercase().ends_with("png") { "image/png" } else { "image/jpeg" };
        self.file_as("files", filename, kind, content)
    }

    /// A file of any field and type.
    #[must_use]
    pub fn file_as(self, field: &str, filename: &str, content_type: &str, content: &[u8]) -> Self {
        let disposition = format!("Content-Disposition: form-data; name=\"{field}\"; filename=\"{filename}\"");
        let content_type = format!("Content-Type: {content_type}");
        self.part(&[disposition.as_bytes(), content_type.as_bytes()], content)
    }

    /// A text field.
    #[must_use]
    pub fn text(self, field: &str, value: &str) -> Self {
        self.part(&[format!("Content-Disposition: form-data; name=\"{field}\"").as_bytes()], value.as_bytes())
    }

    /// The bytes, with the closing boundary.
    #[must_use]
    pub fn end(self) -> Vec<u8> {
        let (boundary, end) = (self.boundary.clone(), self.line_end);
        self.raw("--").raw(boundary).raw("--").raw(end).bytes
    }

    /// The bytes so far.
    #[must_use]
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }
}

/// One connection.
pub struct Raw {
    stream: TcpStream,
    host: String,
}

impl Raw {
    /// Connects to the service at `http://HOST:PORT`.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        let host = url.trim_start_matches("http://").to_owned();
        Ok(Self { stream: TcpStream::connect(&host).await?, host })
    }

    /// Sends bytes. A service that has already answered and closed is no error here; its answer is looked at next.
    ///
    /// # Errors
    /// When the service takes nothing for a minute.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        // The service may close while bytes are under way.
        let _ = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.context("sending hangs")?;
        Ok(())
    }

    /// Sends the head of an upload with these header lines, as HTTP writes them.
    ///
    /// # Errors
    /// As [`Raw::send`].
    pub async fn head(&mut self, path: &str, headers: &[String]) -> anyhow::Result<()> {
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        self.send(head).await
    }

    /// Sends a whole upload.
    ///
    /// # Errors
    /// As [`Raw::send`].
    pub async fn upload(&mut self, path: &str, content_type: &str, body: &[u8]) -> anyhow::Result<()> {
        let headers = [format!("Content-Type: {content_type}"), format!("Content-Length: {}", body.len())];
        self.head(path, &headers).await?;
        self.send(body).await
    }

    /// The next answer; an interim one counts.
    ///
    /// # Errors
    /// When none comes within a minute, or none that is HTTP.
    pub async fn answer(&mut self) -> anyhow::Result<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer()).await.context("no answer within a minute")?
    }

    /// Waits until there is something to read; may be dropped at any time.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn has_answer(&self) -> anyhow::Result<()> {
        Ok(self.stream.readable().await?)
    }

    async fn read_answer(&mut self) -> anyhow::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            ensure!(head.len() < 64 * 1024, "the head of the answer does not end");
            head.push(self.stream.read_u8().await.context("the connection ended before the answer")?);
        }
        let head = String::from_utf8(head)?;
        let (line, rest) = head.split_once("\r\n").context("no status line")?;
        let status = line.split(' ').nth(1).context("no status")?.parse()?;
        let headers: Vec<(String, String)> = rest
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if status >= 200 && status != 204 {
            answer.body = self.read_body(&answer).await?;
        }
        Ok(answer)
    }

    async fn read_body(&mut self, answer: &Answer) -> anyhow::Result<Vec<u8>> {
        if let Some(length) = answer.header("content-length") {
            let mut body = vec![0; length.parse()?];
            self.stream.read_exact(&mut body).await?;
            return Ok(body);
        }
        ensure!(answer.header("transfer-encoding") == Some("chunked"), "an answer without a length");
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.stream.read_u8().await?);
            }
            let length = usize::from_str_radix(String::from_utf8(line)?.trim(), 16)?;
            let mut chunk = vec![0; length + 2];
            self.stream.read_exact(&mut chunk).await?;
            if length == 0 {
                return Ok(body);
            }
            chunk.truncate(length);
            body.extend(chunk);
        }
    }

    /// Ends what is sent and goes on listening.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn finish_sending(&mut self) -> anyhow::Result<()> {
        Ok(self.stream.shutdown().await?)
    }
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| String::from_utf8_lossy(&self.body).into_owned())
    }

    /// The problem that the answer must be, in every respect that the contract names.
    ///
    /// # Errors
    /// When it is another answer, or not as it should be.
    pub fn problem(&self, status: u16) -> anyhow::Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!(self.status == status, "{} instead of {status}: {text}", self.status);
        ensure!(self.header("content-type") == Some("application/problem+json"), "no problem document: {text}");
        for header in ["x-request-id", "x-content-type-options", "content-security-policy"] {
            ensure!(self.header(header).is_some(), "without {header}: {text}");
        }
        let body = self.json()?;
        for (name, value) in [("status", status), ("status_code", status)] {
            if body.get(name).and_then(Value::as_u64) != Some(u64::from(value)) {
                bail!("{name} is not {value}: {text}");
            }
        }
        ensure!(body.get("error") == Some(&Value::Bool(true)), "no error: {text}");
        Ok(body)
    }
}
