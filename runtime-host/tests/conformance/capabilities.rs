//! What components reach: variables, files, other servers. Each only as far as the manifest says.

use crate::harness::App;

#[tokio::test]
async fn reads_its_own_variables_only() {
    let mut app = App::new()
        .more("[variables]\nplace = { default = \"here\" }\nkey = { required = true, secret = true }\nother = { default = \"\" }\n")
        .route("/", "variables", "[component.variables.variables]\nmine = \"{{ place }}-{{ key }}\"");
    app.variables.insert("key".into(), "k1".into());
    let host = app.start().await;
    assert_eq!(host.get("/?mine").await.text(), "value here-k1");
    assert_eq!(host.get("/?other").await.text(), "undefined");
    assert_eq!(host.get("/?Not-A-Name").await.text(), "invalid-name");
}

#[tokio::test]
async fn reads_mounted_files_and_changes_nothing() {
    let app = App::new().route("/...", "files", "files = [{ source = \"pages\", destination = \"/pages\" }]");
    let pages = app.folder().join("pages");
    std::fs::create_dir(&pages).unwrap();
    std::fs::write(pages.join("index.html"), "a page").unwrap();
    std::fs::write(app.folder().join("secret"), "hidden").unwrap();
    let host = app.start().await;
    assert_eq!(host.get("/pages/index.html").await.text(), "a page");
    let write = http::Request::post(host.url("/pages/index.html")).body(bytes::Bytes::new()).unwrap();
    assert!(host.send(write).await.text().starts_with("error"));
    assert_eq!(std::fs::read_to_string(pages.join("index.html")).unwrap(), "a page");
    for path in ["/secret", "/pages/../secret", "/etc/passwd"] {
        let raw = raw_get(host.address, path).await;
        assert!(raw.contains("error:") && !raw.contains("hidden"), "{path}: {raw}");
    }
}

/// Without a client that tidies the path.
async fn raw_get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn sends_requests_only_where_it_may() {
    let target = App::new().route("/hello", "hello", "").start().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let allowed = format!("allowed_outbound_hosts = [\"http://{}\", \"http://{free}\"]", target.address);
    let host = App::new().route("/", "outbound", &allowed).start().await;
    assert_eq!(host.get(&format!("/?{}", target.url("/hello"))).await.text(), "200 5");
    let denied = host.get(&format!("/?http://localhost:{}/hello", target.address.port())).await.text();
    assert!(denied.contains("HttpRequestDenied"), "{denied}");
    let nobody = host.get(&format!("/?http://{free}/")).await.text();
    assert!(nobody.contains("ConnectionRefused"), "{nobody}");
}

#[tokio::test]
async fn says_what_a_connection_failed_of_as_spin_does() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let allowed = format!("allowed_outbound_hosts = [\"http://nobody.invalid\", \"https://{silent}\"]");
    let host = App::new().route("/", "outbound", &allowed).start().await;
    let unknown = host.get("/?http://nobody.invalid/").await.text();
    assert!(unknown.contains("DnsError") && unknown.contains("address not available"), "{unknown}");
    let hung_up = host.get(&format!("/?https://{silent}/")).await.text();
    assert!(hung_up.contains("TlsProtocolError"), "{hung_up}");
}

/// A server of TLS whose certificate nobody trusts unless told so: where it is, and the certificate's file.
async fn encrypted(folder: &std::path::Path) -> (std::net::SocketAddr, std::path::PathBuf) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let file = folder.join("certificate.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\ntls").await;
        }
    });
    (address, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_by_tls_go_to_whom_the_operator_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let (server, file) = encrypted(folder.path()).await;
    let port = server.port();
    let allowed = format!("allowed_outbound_hosts = [\"https://localhost:{port}\", \"https://127.0.0.1:{port}\"]");
    let mut app = App::new().route("/...", "outbound", &allowed);
    app.authorities = Some(file.clone());
    let host = app.start().await;
    assert_eq!(host.get(&format!("/text?https://localhost:{port}/")).await.text(), "tls");
    assert_eq!(host.get(&format!("/text?https://127.0.0.1:{port}/")).await.text(), "tls");
    let denied = host.get(&format!("/?https://[::1]:{port}/")).await.text();
    assert!(denied.contains("HttpRequestDenied"), "{denied}");
    drop(host);
    let host = App::new().route("/...", "outbound", &allowed).start().await;
    let unknown = host.get(&format!("/?https://localhost:{port}/")).await.text();
    assert!(unknown.contains("TlsCertificateError"), "{unknown}");
    drop(host);
    let wildcard = "allowed_outbound_hosts = [\"https://*:*\"]";
    let mut app = App::new().route("/...", "outbound", wildcard);
    app.authorities = Some(file.clone());
    let inside = app.start().await.get(&format!("/?https://localhost:{port}/")).await.text();
    assert!(inside.contains("DestinationIpProhibited"), "{inside}");
    std::fs::write(&file, "no certificate").unwrap();
    let mut app = App::new().route("/...", "outbound", wildcard);
    app.authorities = Some(file);
    assert_eq!(app.load().await.err().unwrap().code(), "AUTHORITIES");
}
