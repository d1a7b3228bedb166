//! HTTP by hand, so that a test says exactly which bytes go over the wire.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::server::{Server, TOKEN};

/// A request to be sent as it is.
#[derive(Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

pub fn request(method: &str, path: &str) -> Request {
    Request { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
}

/// A GraphQL request as most clients send it.
pub fn post(document: &str) -> Request {
    post_json(&json!({ "query": document }))
}

pub fn post_json(body: &Value) -> Request {
    request("POST", "/graphql")
        .header("Authorization", &format!("Bearer {TOKEN}"))
        .header("Content-Type", "application/json")
        .body(body.to_string().as_bytes())
}

/// A GraphQL request in the address.
pub fn get(document: &str) -> Request {
    let query_string: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("query", document).finish();
    request("GET", &format!("/graphql?{query_string}")).header("Authorization", &format!("Bearer {TOKEN}"))
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request with another value of a header, or without it.
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Asks for the answer whose status speaks.
    pub fn strict(self) -> Self {
        self.with("Accept", Some("application/graphql-response+json"))
    }

    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_owned();
        self
    }

    pub async fn open(&self, server: &Server) -> Stream {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.path, server.address);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let has_length =
            self.headers.iter().any(|(name, _)| matches!(name.as_str(), "Content-Length" | "Transfer-Encoding"));
        if !has_length && (self.method == "POST" || !self.body.is_empty()) {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "Connection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(&self.body).await;
        Stream::read_head(stream).await
    }

    pub async fn send(&self, server: &Server) -> Response {
        let mut stream = self.open(server).await;
        let body = if self.method == "HEAD" { Vec::new() } else { stream.rest().await };
        Response { status: stream.status, headers: stream.headers, body }
    }
}

/// A response whose body is still arriving.
pub struct Stream {
    pub status: u16,
    headers: Vec<(String, String)>,
    reader: BufReader<TcpStream>,
    is_chunked: bool,
    lines: VecDeque<String>,
    partial: String,
}

impl Stream {
    async fn read_head(stream: TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        Self { status, headers, reader, is_chunked, lines: VecDeque::new(), partial: String::new() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.reader.read_line(&mut size).await.ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok().filter(|size| *size > 0)?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).await.ok()?;
        chunk.truncate(size);
        Some(chunk)
    }

    async fn rest(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if self.is_chunked {
            while let Some(chunk) = self.chunk().await {
                body.extend(chunk);
            }
        } else {
            self.reader.read_to_end(&mut body).await.unwrap();
        }
        body
    }

    /// The next line of an event stream; none at its end.
    pub async fn line(&mut self) -> Option<String> {
        while self.lines.is_empty() {
            let chunk = self.chunk().await?;
            self.partial += &String::from_utf8(chunk).unwrap();
            while let Some((line, rest)) = self.partial.split_once('\n') {
                self.lines.push_back(line.to_owned());
                self.partial = rest.to_owned();
            }
        }
        self.lines.pop_front()
    }

    /// The next event as its name and data; comments are passed over.
    pub async fn event(&mut self) -> Option<(String, Value)> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let line = self.line().await?;
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                data += text;
            } else if line.is_empty() && !name.is_empty() {
                return Some((name, serde_json::from_str(&data).unwrap_or_else(|_| panic!("no JSON in {data:?}"))));
            }
        }
    }
}

/// A whole response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON in {:?}", self.text()))
    }

    /// The code of the first error.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The sentence of the first error.
    pub fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
    }
}
